CREATE TABLE parent (a integer, b integer, CHECK (a > 0), CONSTRAINT named CHECK (b > 0), CONSTRAINT theirs CHECK (a <> 5));
CREATE TABLE child (a integer, b integer, CONSTRAINT theirs CHECK (a <> 5)) INHERITS (parent);
CREATE TABLE elder (n integer, CHECK (n < 100), CONSTRAINT new CHECK (n < 80));
CREATE TABLE middle (n integer) INHERITS (elder);
CREATE TABLE young (n integer, CONSTRAINT own CHECK (n > 0)) INHERITS (middle);
CREATE TABLE one (n integer, CONSTRAINT same CHECK (n > 1));
CREATE TABLE two (n integer, CONSTRAINT same CHECK (n > 1));
CREATE TABLE moves (n integer) INHERITS (two);
