create function f() returns event_trigger language plpgsql as 'begin end';
create event trigger a on ddl_command_end when tag in ('CREATE TABLE','DROP TABLE') execute function f();
alter event trigger a disable;
create event trigger b on sql_drop execute function f();
alter event trigger b enable always;
comment on event trigger b is 'x';
