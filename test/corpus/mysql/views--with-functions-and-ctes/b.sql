CREATE TABLE t (id int, a varchar(20));
CREATE FUNCTION twice (n int) RETURNS int DETERMINISTIC RETURN n * 2;
CREATE VIEW v AS WITH q AS (SELECT twice(id) AS d, `a` AS `weird ``name` FROM t) SELECT d, concat(q.`weird ``name`, 'it''s; `t`.', count(*) over (partition by d order by d)) AS c FROM q UNION ALL SELECT 1, 'x';
