CREATE TABLE c (a int CHECK (a >= 0), b int CHECK (b <> 7), CONSTRAINT ab CHECK (a <= b and b is not null), CONSTRAINT more CHECK (a in (1, 2, 3) or b like '%x\'y'));
