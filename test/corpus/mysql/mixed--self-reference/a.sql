CREATE TABLE n (id int PRIMARY KEY, parent int, FOREIGN KEY (parent) REFERENCES n (id));
