create table t(a bigint);
create procedure p(x int) begin atomic insert into t values (x); insert into t values (x+1); end;
create function f(x int default 6) returns bigint begin atomic select a from t where a = x; end;
create function g() returns bigint return f() + f(1);
