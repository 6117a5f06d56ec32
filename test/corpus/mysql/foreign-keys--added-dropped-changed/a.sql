CREATE TABLE p (id int PRIMARY KEY, code varchar(10), UNIQUE KEY (code));
CREATE TABLE c (id int PRIMARY KEY, pid int, pcode varchar(10), old int, CONSTRAINT f1 FOREIGN KEY (pid) REFERENCES p (id), CONSTRAINT f2 FOREIGN KEY (old) REFERENCES p (id) ON DELETE SET NULL);
