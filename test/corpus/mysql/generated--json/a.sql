CREATE TABLE docs (id int PRIMARY KEY, body json, kind varchar(20) AS (json_unquote(json_extract(body, '$.kind'))) VIRTUAL);
