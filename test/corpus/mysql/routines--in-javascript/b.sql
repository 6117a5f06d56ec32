CREATE LIBRARY sums COMMENT 'both' LANGUAGE JAVASCRIPT AS $$ export function add(a, b) { return 0 + a + b } $$;
CREATE FUNCTION twice (n int) RETURNS int DETERMINISTIC LANGUAGE JAVASCRIPT USING (sums AS s) AS $$ return s.add(n, n) $$;
CREATE PROCEDURE nothing () LANGUAGE JAVASCRIPT AS $$ console.log('x') $$;
