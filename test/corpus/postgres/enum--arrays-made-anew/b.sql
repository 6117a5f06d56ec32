CREATE TYPE state AS ENUM ('new', 'old');
CREATE TYPE word AS ENUM ('two', 'one');
CREATE TABLE one (id integer, state state[], word state, words text[]);
CREATE TABLE two (id integer, state varchar(20));
