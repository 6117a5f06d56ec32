CREATE TABLE u (a int, b int, c int, UNIQUE KEY one (a, b), KEY two (c));
