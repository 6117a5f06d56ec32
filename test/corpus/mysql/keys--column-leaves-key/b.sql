CREATE TABLE k (a int, c int, KEY x (a, c), UNIQUE KEY u (c));
