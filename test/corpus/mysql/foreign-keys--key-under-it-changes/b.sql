CREATE TABLE p (a int NOT NULL, b int NOT NULL, c int, PRIMARY KEY (a, b), UNIQUE KEY ub2 (b, c));
CREATE TABLE q (id int PRIMARY KEY, pa int, pb int, KEY kpa2 (pa, pb), CONSTRAINT fa FOREIGN KEY (pa) REFERENCES p (a), CONSTRAINT fb FOREIGN KEY (pb) REFERENCES p (b));
