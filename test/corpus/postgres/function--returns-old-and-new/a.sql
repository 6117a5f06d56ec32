CREATE TABLE counted (n integer);
CREATE FUNCTION before() RETURNS SETOF integer LANGUAGE sql BEGIN ATOMIC UPDATE counted SET n = n + 1 RETURNING old.n; END;
