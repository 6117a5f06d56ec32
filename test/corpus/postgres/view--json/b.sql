CREATE TABLE papers (id bigint, body jsonb);
CREATE VIEW lines AS SELECT x.* FROM papers p, json_table(p.body, '$[*]' COLUMNS (n FOR ORDINALITY, text text PATH '$.other' DEFAULT 'none' ON EMPTY, NESTED PATH '$.more[*]' COLUMNS (value integer PATH '$'))) x;
CREATE VIEW made AS SELECT json_object('a': id ABSENT ON NULL) AS one, body IS JSON OBJECT AS is_object, json_query(body, '$.a' WITH WRAPPER) AS found, json_exists(body, '$.z') AS there, json_value(body, '$.z' RETURNING integer) AS value FROM papers;
CREATE FUNCTION merged() RETURNS SETOF bigint LANGUAGE sql BEGIN ATOMIC MERGE INTO papers USING (SELECT 1 AS id) s ON papers.id = s.id WHEN MATCHED THEN DO NOTHING WHEN NOT MATCHED BY TARGET THEN INSERT VALUES (1, '[]') RETURNING papers.id; END;
