create table seen (by_whom text);
create table other (a int);
create function note() returns event_trigger language plpgsql as $$ begin perform count(by_whom) from public.seen; end $$;
create event trigger e on ddl_command_end execute function note();
create event trigger f on ddl_command_start when tag in ('CREATE TABLE') execute function note();
