CREATE TABLE people (id int PRIMARY KEY, name varchar(40), born date, n int, KEY lowered ((lower(name))), UNIQUE KEY twice ((n * 2)), KEY mixed (name, (n + 1) DESC));
