create table t(a bigint primary key, constraint ck check (a>1));
comment on constraint ck on t is 'b';
create policy p on t for select using (true);
comment on policy p on t is 'y';
create function f() returns trigger language plpgsql as 'begin return null; end';
create trigger x after insert on t for each row execute function f();
comment on trigger x on t is 'tt';
