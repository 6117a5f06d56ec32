CREATE TABLE shops (id int PRIMARY KEY, a int NOT NULL, b int NOT NULL, kind varchar(5) CHECK (kind IN ('x', 'y')), UNIQUE (a));
CREATE TABLE sales (id int PRIMARY KEY, shop int REFERENCES shops (a), other int REFERENCES shops);
ALTER TABLE sales ADD CONSTRAINT positive CHECK (id > 0) NOT VALID;
