CREATE TABLE papers (id integer, body jsonb);
CREATE VIEW lines AS SELECT x.* FROM papers p, json_table(p.body, '$[*]' COLUMNS (n FOR ORDINALITY, text text PATH '$.text' DEFAULT 'none' ON EMPTY)) x;
CREATE VIEW made AS SELECT json_object('a': id ABSENT ON NULL) AS one, body IS JSON OBJECT AS is_object, json_query(body, '$.a' WITH WRAPPER) AS found, json_array(id, 2) AS list, json_serialize(body) AS said, any_value(id) OVER () AS any FROM papers;
CREATE FUNCTION merged() RETURNS SETOF integer LANGUAGE sql BEGIN ATOMIC MERGE INTO papers USING (SELECT 1 AS id) s ON papers.id = s.id WHEN MATCHED THEN UPDATE SET body = NULL WHEN NOT MATCHED BY SOURCE THEN DELETE RETURNING papers.id; END;
