CREATE TABLE u (c int, a int, b int, UNIQUE KEY uno (a, b), KEY dos (c));
