CREATE TABLE c (a int, b int, CHECK (a > 1), CHECK (b > 2), CHECK (a <> b));
