CREATE TABLE base (id int PRIMARY KEY, a int);
CREATE TABLE thing (id int);
CREATE VIEW seen AS SELECT id FROM thing;
