CREATE TABLE t (id int PRIMARY KEY, a uuid, b inet4, c int, d point, e int AS (id + 1) STORED, f varchar(50), KEY c (c, id), CONSTRAINT known CHECK (c IS NOT NULL OR id > 0));
