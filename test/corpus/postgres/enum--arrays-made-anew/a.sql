CREATE TYPE state AS ENUM ('new', 'old', 'gone');
CREATE TYPE word AS ENUM ('one', 'two');
CREATE TABLE one (id integer, state state, word word, words word[]);
CREATE TABLE two (id integer, state state);
