CREATE TABLE t (a INTEGER, b TEXT /* why */ DEFAULT 'it''s' -- end
, CHECK (a > 0));
