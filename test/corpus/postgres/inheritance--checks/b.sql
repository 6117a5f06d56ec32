CREATE TABLE base (a integer, b text);
CREATE TABLE child (c integer) INHERITS (base);
CREATE TABLE grandchild (d integer) INHERITS (child);
CREATE TABLE alone (a integer, b text, CONSTRAINT above CHECK (a > 0));
CREATE TABLE leaving (a integer, b text);
