CREATE TABLE n (id bigint unsigned PRIMARY KEY, parent bigint unsigned, KEY p2 (parent), CONSTRAINT up FOREIGN KEY (parent) REFERENCES n (id) ON DELETE CASCADE);
