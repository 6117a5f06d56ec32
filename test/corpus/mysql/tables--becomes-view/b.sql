CREATE TABLE base (id int PRIMARY KEY, a int);
CREATE VIEW thing AS SELECT id, a FROM base;
CREATE TABLE seen (id int);
