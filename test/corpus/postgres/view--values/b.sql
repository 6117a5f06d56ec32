create view v (a, "column2") as values (1, 'x'), (2, 'y');
create materialized view m (a, b) as values (1, 'x');
create view o as select column1 as a from (values (1, 2)) s;
create table t (a int);
create materialized view empty as select a, 1 as one from t;
create view in_between as select one from empty;
create materialized view also_empty as select one from in_between;
