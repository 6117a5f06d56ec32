CREATE TABLE base (a integer, b text);
CREATE TABLE other (b text, c integer);
CREATE TABLE child (a integer, b text, c integer);
CREATE TABLE grandchild (d integer) INHERITS (child);
CREATE VIEW seen AS SELECT a, d FROM grandchild;
CREATE INDEX ON child (b);
CREATE TABLE twice (a integer, b text, c integer) INHERITS (base, other);
CREATE TABLE late (c integer) INHERITS (base);
