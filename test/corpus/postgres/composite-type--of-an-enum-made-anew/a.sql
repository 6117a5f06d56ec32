CREATE TYPE mood AS ENUM ('1', '2', '3', 'x');
CREATE TYPE pair AS (one integer, two mood);
CREATE TYPE pairs AS (first pair, more pair[]);
CREATE TABLE typed OF pair;
CREATE TABLE held (id integer PRIMARY KEY, p pair, q pairs, r pair[]);
CREATE VIEW looked AS SELECT (p).two FROM held;
