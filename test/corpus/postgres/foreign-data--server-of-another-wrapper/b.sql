do $$ begin create role ra; exception when duplicate_object or unique_violation then null; end $$;
create foreign data wrapper x;
create server s type 't' foreign data wrapper x;
create user mapping for ra server s options (a 'c');
create foreign table f (a int, b text options (c 'd')) server s options (e 'f');
