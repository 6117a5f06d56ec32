CREATE TABLE t (id int, a int);
CREATE TABLE log (id int AUTO_INCREMENT PRIMARY KEY, what text);
