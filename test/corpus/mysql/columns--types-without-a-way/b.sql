CREATE TABLE t (id int PRIMARY KEY, a inet6, b uuid, c point, d datetime, e inet4, f uuid, KEY c (c(5), id), CONSTRAINT known CHECK (c IS NOT NULL OR id > 0));
