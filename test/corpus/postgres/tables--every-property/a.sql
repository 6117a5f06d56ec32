CREATE TABLE notes (id int PRIMARY KEY, body text);
CREATE UNLOGGED TABLE hits (id int, at timestamptz);
