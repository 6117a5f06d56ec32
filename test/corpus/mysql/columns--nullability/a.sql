CREATE TABLE people (id int PRIMARY KEY, a int NOT NULL, b int, c varchar(9) NOT NULL DEFAULT 'q', t timestamp NULL, u timestamp NOT NULL DEFAULT '2001-01-01 00:00:00');
