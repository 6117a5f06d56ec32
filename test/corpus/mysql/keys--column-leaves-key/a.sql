CREATE TABLE k (a int, b int, c int, KEY x (a, b, c), UNIQUE KEY u (b, c));
