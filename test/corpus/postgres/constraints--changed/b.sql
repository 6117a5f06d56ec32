CREATE TABLE shops (id int, a int NOT NULL, b int NOT NULL, kind varchar(5) CHECK (kind IN ('x', 'y', 'z')), CONSTRAINT shops_pkey PRIMARY KEY (id, a), CONSTRAINT shops_a_key UNIQUE (a, b), CONSTRAINT other UNIQUE (a));
CREATE TABLE sales (id int PRIMARY KEY, shop int REFERENCES shops (a) ON DELETE RESTRICT, other int);
ALTER TABLE sales ADD CONSTRAINT positive CHECK (id > 0);
