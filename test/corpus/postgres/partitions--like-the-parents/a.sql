CREATE TABLE nothing ();
CREATE TABLE doubles (id integer PRIMARY KEY, up integer) PARTITION BY RANGE (id);
CREATE TABLE doubles_1 PARTITION OF doubles FOR VALUES FROM (MINVALUE) TO (2);
ALTER TABLE doubles_1 ADD CONSTRAINT a_double UNIQUE (id, up);
CREATE INDEX a_up ON doubles_1 (up) WITH (fillfactor = 50);
