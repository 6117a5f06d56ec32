CREATE TABLE a (id int NOT NULL, v int NOT NULL, UNIQUE KEY u (id), KEY k (v));
