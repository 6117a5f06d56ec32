create function lt(text,text) returns bool language sql immutable strict return $1 <= $2;
create operator <<< (function=lt, leftarg=text, rightarg=text, restrict=scalarltsel);
create table t(a text);
create index i on t ((a <<< 'b'));
create view v as select a <<< 'x' as q from t;
