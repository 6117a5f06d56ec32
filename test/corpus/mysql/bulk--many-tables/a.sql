CREATE TABLE a (id int PRIMARY KEY, x int, y int);
CREATE TABLE b (id int PRIMARY KEY, x int, y int, KEY bx (x));
CREATE TABLE c (id int PRIMARY KEY, ax int, FOREIGN KEY (ax) REFERENCES a (id));
CREATE VIEW ab AS SELECT a.x, b.y FROM a JOIN b ON a.id = b.id;
