CREATE TYPE person AS (name text, age int);
CREATE TABLE staff OF person (name WITH OPTIONS PRIMARY KEY);
CREATE TABLE guests (name text, age int);
