do $$ begin create role ra; exception when duplicate_object or unique_violation then null; end $$;
create foreign data wrapper w;
create server s foreign data wrapper w;
create user mapping for ra server s options (a 'b');
create user mapping for public server s;
create foreign table f (a int) server s;
create server gone foreign data wrapper w;
create user mapping for ra server gone;
