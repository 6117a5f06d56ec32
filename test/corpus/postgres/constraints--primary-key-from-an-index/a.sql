CREATE TABLE coins (id int NOT NULL, worth int);
CREATE UNIQUE INDEX coins_id ON coins (id);
