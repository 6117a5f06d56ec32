CREATE TABLE c (id int PRIMARY KEY, a int, b int, CONSTRAINT ab CHECK (a < b), CONSTRAINT keepme CHECK (b > 0));
