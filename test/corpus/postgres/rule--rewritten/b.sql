create table t(a int, b int);
create table l(a bigint);
create rule r as on insert to t where new.b > 0 do also (insert into l values (new.a); insert into l values (new.b));
create rule r2 as on update to t do also notify x;
