CREATE TABLE people (id integer PRIMARY KEY);
CREATE TABLE tasks (id integer PRIMARY KEY, owner integer REFERENCES people DEFERRABLE INITIALLY DEFERRED, up integer);
