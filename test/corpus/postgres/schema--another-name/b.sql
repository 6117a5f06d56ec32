CREATE SCHEMA autumn;
CREATE TYPE autumn.size AS ENUM ('s', 'm');
CREATE TABLE autumn.coats (id serial PRIMARY KEY, size autumn.size DEFAULT 's');
CREATE VIEW autumn.small AS SELECT id FROM autumn.coats WHERE size = 's';
GRANT USAGE ON SCHEMA autumn TO PUBLIC;
