CREATE TABLE c (id int PRIMARY KEY, b int, CONSTRAINT keepme CHECK (b > 0));
