CREATE TABLE t (a TEXT, b TEXT, UNIQUE (a), CHECK (a <> b), UNIQUE (b));
