CREATE TABLE parent (a integer, b integer, CHECK (a > 0), CONSTRAINT named CHECK (b > 0), CONSTRAINT theirs CHECK (a <> 5));
CREATE TABLE child (a integer, b integer, CONSTRAINT named CHECK (b > 0), CONSTRAINT theirs CHECK (a <> 5));
CREATE TABLE elder (n integer, CHECK (n < 100), CONSTRAINT new CHECK (n < 90));
CREATE TABLE middle (n integer, CHECK (n < 100), CONSTRAINT new CHECK (n < 90));
CREATE TABLE young (n integer);
CREATE TABLE one (n integer, CONSTRAINT same CHECK (n > 1));
CREATE TABLE two (n integer, CONSTRAINT same CHECK (n > 1));
CREATE TABLE moves (n integer) INHERITS (one);
