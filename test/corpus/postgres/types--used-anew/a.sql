CREATE DOMAIN amount AS integer;
CREATE DOMAIN label AS text;
CREATE TYPE pair AS (one amount, two text, three date);
CREATE TYPE pairs AS (all_of pair[], first pair);
CREATE TABLE kept (id integer PRIMARY KEY, a amount, l label);
