CREATE TABLE eggs (id int PRIMARY KEY, hen int);
