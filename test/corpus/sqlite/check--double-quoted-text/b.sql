CREATE TABLE t (s TEXT CHECK (s IN ('Open', 'closed')));
