CREATE TABLE shapes (id int);
CREATE TABLE squares (side int, edges int) INHERITS (shapes);
