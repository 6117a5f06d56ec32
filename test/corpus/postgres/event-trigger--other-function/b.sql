create function f2() returns event_trigger language plpgsql as 'begin end';
create event trigger a on sql_drop when tag in ('DROP TABLE') execute function f2();
alter event trigger a enable replica;
