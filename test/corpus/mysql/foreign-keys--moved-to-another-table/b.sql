CREATE TABLE p2 (id int PRIMARY KEY, x int);
CREATE TABLE c (id int PRIMARY KEY, pid int, FOREIGN KEY (pid) REFERENCES p2 (id));
