CREATE TYPE mood AS ENUM ('3', 'q', '2', '1');
CREATE TYPE pair AS (one integer, two mood);
CREATE TYPE pairs AS (first pair, more pair[]);
CREATE TABLE typed OF pair;
CREATE TABLE held (id integer PRIMARY KEY, p pair, q pairs, r pair[]);
CREATE VIEW looked AS SELECT (p).two FROM held;
