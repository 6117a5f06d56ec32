CREATE TABLE docs (id int PRIMARY KEY, body json NOT NULL, kind varchar(30) AS (json_value(body, '$.kind')) STORED, KEY kinds (kind));
