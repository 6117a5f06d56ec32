CREATE TABLE a (id bigint PRIMARY KEY, z int NOT NULL DEFAULT 0, y varchar(30), UNIQUE KEY (y));
CREATE TABLE b (id int PRIMARY KEY, y int, a bigint, KEY bx (y), CONSTRAINT ba FOREIGN KEY (a) REFERENCES a (id) ON DELETE CASCADE);
CREATE TABLE d (id int PRIMARY KEY, ax bigint, FOREIGN KEY (ax) REFERENCES a (id));
CREATE VIEW ab AS SELECT a.z, b.y FROM a JOIN b ON a.id = b.a;
