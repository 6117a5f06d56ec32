CREATE TABLE nodes_one (id integer NOT NULL PRIMARY KEY, above integer);
