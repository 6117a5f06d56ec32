do $$ begin create role ra; exception when duplicate_object or unique_violation then null; end $$;
create foreign data wrapper w;
create server s foreign data wrapper w;
create foreign table ft(a int) server s;
