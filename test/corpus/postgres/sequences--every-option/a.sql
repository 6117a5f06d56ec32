CREATE SEQUENCE plain;
CREATE SEQUENCE gone;
CREATE TABLE lots (id int, n int);
