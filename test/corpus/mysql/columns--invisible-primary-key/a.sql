SET SESSION sql_generate_invisible_primary_key = ON; CREATE TABLE t (a int); CREATE TABLE u (a int); CREATE TABLE w (id int PRIMARY KEY, a int);
