CREATE TABLE c (a int, b int, CHECK (b > 2), CHECK (a <> b));
