do $$ begin create role ra; exception when duplicate_object or unique_violation then null; end $$;
create schema s;
alter default privileges in schema s grant select on tables to ra with grant option;
alter default privileges revoke all on functions from public;
alter default privileges in schema s grant execute on functions to ra;
