CREATE TABLE t (id int PRIMARY KEY, a int, b int, c varchar(20), KEY ka (a) INVISIBLE, KEY kb (b), UNIQUE KEY kc (c) COMMENT 'x', KEY kd (a, b) COMMENT 'y' INVISIBLE);
