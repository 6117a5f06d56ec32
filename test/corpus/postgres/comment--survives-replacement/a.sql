create table t(a int primary key, constraint ck check (a>0));
comment on constraint ck on t is 'a';
create policy p on t using (true);
comment on policy p on t is 'x';
create function f() returns trigger language plpgsql as 'begin return new; end';
create trigger x before insert on t for each row execute function f();
comment on trigger x on t is 'tt';
comment on function f() is 'long';
