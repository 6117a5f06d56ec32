CREATE TABLE [t] ( -- the table
  `a` INTEGER NOT NULL, /* a */
  b TEXT
    DEFAULT 'X' CHECK ( "b" <> '' ),
  "c" INT GENERATED ALWAYS AS (a + 1) VIRTUAL
);
CREATE INDEX i ON "t" ( a , "b" );
CREATE VIEW v AS
  SELECT a -- only this
  FROM t;
CREATE TRIGGER tr AFTER INSERT ON t
BEGIN
  DELETE FROM "t" WHERE a = 1;
END;
