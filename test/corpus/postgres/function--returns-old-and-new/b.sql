CREATE TABLE counted (n bigint);
CREATE FUNCTION before() RETURNS SETOF bigint LANGUAGE sql BEGIN ATOMIC UPDATE counted SET n = n + 1 RETURNING WITH (OLD AS was, NEW AS is_now) was.n + is_now.n; END;
