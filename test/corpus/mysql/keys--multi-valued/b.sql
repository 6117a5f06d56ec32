CREATE TABLE docs (id int PRIMARY KEY, body json, KEY tags ((CAST(body->'$.tags' AS char(30) ARRAY))), KEY zips (id, (CAST(body->'$.zips' AS unsigned ARRAY))));
