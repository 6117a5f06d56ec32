create type inner_type as (x int);
create type row_type as (a int, b text, c inner_type);
create table t of row_type;
create type other_type as (a int, b text);
create table o of other_type;
