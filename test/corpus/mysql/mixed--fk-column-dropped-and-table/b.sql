CREATE TABLE c (id int PRIMARY KEY, other int, KEY kp (other, id));
