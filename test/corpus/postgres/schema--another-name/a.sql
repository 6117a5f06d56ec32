CREATE SCHEMA spring;
CREATE TYPE spring.size AS ENUM ('s', 'm');
CREATE TABLE spring.coats (id serial PRIMARY KEY, size spring.size DEFAULT 's');
CREATE VIEW spring.small AS SELECT id FROM spring.coats WHERE size = 's';
GRANT USAGE ON SCHEMA spring TO PUBLIC;
