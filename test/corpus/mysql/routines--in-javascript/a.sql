CREATE LIBRARY sums LANGUAGE JAVASCRIPT AS $$ export function add(a, b) { return a + b } $$;
CREATE FUNCTION twice (n int) RETURNS int DETERMINISTIC LANGUAGE JAVASCRIPT USING (sums AS s) AS $$ return s.add(n, n) $$;
CREATE LIBRARY spare LANGUAGE JAVASCRIPT AS $$ export const x = 1 $$;
