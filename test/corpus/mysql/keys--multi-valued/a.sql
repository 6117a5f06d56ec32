CREATE TABLE docs (id int PRIMARY KEY, body json, KEY tags ((CAST(body->'$.tags' AS char(20) ARRAY))));
