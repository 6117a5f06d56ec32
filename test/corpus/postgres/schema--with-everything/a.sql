do $$ begin create role ra; exception when duplicate_object or unique_violation then null; end $$;
create schema s;
create type s.e as enum('a');
create table s.t(a s.e default 'a');
create function s.f(s.e) returns s.t language sql as 'select null::s.t';
create view s.v as select s.f(a) from s.t;
grant usage on schema s to ra;
create domain s.d as s.e;
comment on schema s is 's';
