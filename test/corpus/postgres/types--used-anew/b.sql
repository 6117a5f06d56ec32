CREATE DOMAIN amount AS integer CHECK (VALUE > 0);
CREATE DOMAIN label AS text CONSTRAINT something CHECK (VALUE <> '');
CREATE TYPE pair AS (one amount, two varchar(20), four label[]);
CREATE TYPE pairs AS (all_of pair[], first pair, second pair);
CREATE TABLE kept (id integer PRIMARY KEY, a amount, l label, ls label[] DEFAULT '{a}');
CREATE TABLE held (id integer PRIMARY KEY, p pairs, amounts amount[] NOT NULL);
CREATE TABLE typed OF pair (two NOT NULL);
