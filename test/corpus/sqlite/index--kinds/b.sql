CREATE TABLE t (a INTEGER, b TEXT, c TEXT);
CREATE INDEX i_plain ON t (a); CREATE UNIQUE INDEX i_unique ON t (b); CREATE INDEX i_desc ON t (a DESC, b ASC);
CREATE INDEX i_coll ON t (b COLLATE NOCASE); CREATE INDEX i_expr ON t (lower(b), a + 1); CREATE INDEX i_part ON t (c) WHERE a > 0 AND b IN ('x', 'Y');
CREATE INDEX IF NOT EXISTS "Index With Space" ON [t] (`c`);
