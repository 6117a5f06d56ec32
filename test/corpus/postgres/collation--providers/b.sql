CREATE COLLATION plain (provider = builtin, locale = 'PG_UNICODE_FAST');
CREATE COLLATION ruled (provider = icu, locale = 'und', rules = '&a < z');
CREATE COLLATION folding (provider = icu, locale = 'und-u-ks-level2');
CREATE TABLE words (one text COLLATE plain, two text COLLATE ruled, three text COLLATE folding UNIQUE);
