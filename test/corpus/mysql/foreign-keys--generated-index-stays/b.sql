CREATE TABLE p (id int PRIMARY KEY);
CREATE TABLE c (id int PRIMARY KEY, pid int, b int, KEY f (pid), KEY x (pid, b), CONSTRAINT f FOREIGN KEY (pid) REFERENCES p (id));
