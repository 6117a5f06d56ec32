do $$ begin create role ra; exception when duplicate_object or unique_violation then null; end $$;
