create table t (a int, b int, c text);
create statistics s on (a + b), lower(c) from t;
alter statistics s set statistics 100;
