create type inner_type as (x int);
create type row_type as (a inner_type, b text, d int);
create table t of row_type;
create type other_type as (b text, a boolean);
create table o of other_type;
