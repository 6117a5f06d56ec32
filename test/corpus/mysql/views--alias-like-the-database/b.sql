CREATE TABLE t (id int);
CREATE VIEW v AS SELECT a.id, b.id AS id2 FROM t a JOIN t b USING (id) WHERE EXISTS (SELECT 1 FROM t WHERE t.id = a.id);
