create table seen (tag text);
create function note() returns event_trigger language plpgsql as $$ begin perform count(tag) from public.seen; end $$;
create event trigger e on ddl_command_end execute function note();
