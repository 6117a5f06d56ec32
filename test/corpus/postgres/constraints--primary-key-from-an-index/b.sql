CREATE TABLE coins (id int, worth int, CONSTRAINT coins_id PRIMARY KEY (id));
