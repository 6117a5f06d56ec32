CREATE COLLATION plain (provider = builtin, locale = 'C.UTF-8');
CREATE COLLATION ruled (provider = icu, locale = 'und', rules = '&a < g');
CREATE COLLATION folding (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE words (one text COLLATE plain, two text COLLATE ruled, three text COLLATE folding UNIQUE);
