CREATE TYPE person AS (name text, age int);
CREATE TABLE staff (name text PRIMARY KEY, age int);
CREATE TABLE guests OF person (age WITH OPTIONS DEFAULT 18);
