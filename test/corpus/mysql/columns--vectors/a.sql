CREATE TABLE items (id int PRIMARY KEY, v vector(3), w vector);
