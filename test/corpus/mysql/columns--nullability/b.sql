CREATE TABLE people (id int PRIMARY KEY, a int, b int NOT NULL, c varchar(9), t timestamp NOT NULL DEFAULT current_timestamp(), u timestamp NULL DEFAULT NULL);
