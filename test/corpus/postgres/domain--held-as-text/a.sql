CREATE DOMAIN amount AS integer;
CREATE TYPE mood AS ENUM ('1', '2', '3');
CREATE TABLE goods (id integer PRIMARY KEY, a amount CHECK (a::text <> '9'), m mood, "of M" mood CHECK ("of M"::text < '8'));
CREATE INDEX by_text ON goods ((a::text), id);
CREATE TABLE more_goods () INHERITS (goods);
CREATE FUNCTION grown(n integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'select n + 1';
CREATE DOMAIN tight AS integer CHECK (grown(VALUE) > 1);
CREATE TABLE tighter (t tight, ts tight[] DEFAULT '{1}');
