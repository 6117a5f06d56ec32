CREATE TABLE k (id int, a varchar(100), b text, p point NOT NULL, c int);
