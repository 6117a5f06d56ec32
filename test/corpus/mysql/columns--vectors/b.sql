CREATE TABLE items (id int PRIMARY KEY, v vector(4) COMMENT 'wider', w vector NOT NULL, x vector(2) DEFAULT (to_vector('[1,2]')));
