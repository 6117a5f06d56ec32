CREATE TABLE base (a integer, b text, z integer DEFAULT 4);
CREATE TABLE other (b text, c integer);
CREATE TABLE child (c integer) INHERITS (base);
CREATE TABLE grandchild (d integer) INHERITS (child);
CREATE VIEW seen AS SELECT a, d FROM grandchild;
CREATE INDEX ON child (b);
CREATE TABLE twice () INHERITS (base, other);
CREATE TABLE late (c integer, z integer) INHERITS (base);
