create table t(a int);
create procedure p(x int) begin atomic insert into t values (x); end;
create function f(x int default 5) returns int begin atomic select a from t where a = x; end;
create function g() returns int return f() + f(1);
