CREATE TABLE t (a INTEGER, b INTEGER, c INTEGER, CHECK (t.a < t.b AND "t".c <> 0));
