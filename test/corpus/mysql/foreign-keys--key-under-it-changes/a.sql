CREATE TABLE p (a int NOT NULL, b int NOT NULL, c int, PRIMARY KEY (a), UNIQUE KEY ub (b));
CREATE TABLE q (id int PRIMARY KEY, pa int, pb int, KEY kpa (pa), CONSTRAINT fa FOREIGN KEY (pa) REFERENCES p (a), CONSTRAINT fb FOREIGN KEY (pb) REFERENCES p (b));
