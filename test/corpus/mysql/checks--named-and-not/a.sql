CREATE TABLE c (a int CHECK (a > 0), b int, CONSTRAINT ab CHECK (a < b), CHECK (b < 100));
