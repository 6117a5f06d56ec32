CREATE TABLE t (id int PRIMARY KEY, a int, b int, c varchar(20), KEY ka (a), KEY kb (b) INVISIBLE, UNIQUE KEY kc (c) INVISIBLE COMMENT 'x', KEY kd (a, b));
