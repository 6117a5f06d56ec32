CREATE TABLE shapes (id int, edges int);
CREATE TABLE squares (side int) INHERITS (shapes);
