CREATE SEQUENCE ticket START 7;
CREATE SEQUENCE grade;
CREATE TABLE visit (id int NOT NULL DEFAULT nextval('ticket'), grade text);
