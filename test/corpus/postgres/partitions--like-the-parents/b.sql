CREATE TABLE nothing ();
CREATE TABLE pairs (id integer PRIMARY KEY, up integer, UNIQUE (id, up) DEFERRABLE) PARTITION BY LIST (id);
CREATE TABLE pairs_1 PARTITION OF pairs FOR VALUES IN (1);
ALTER TABLE pairs_1 ADD CONSTRAINT a_key UNIQUE (id, up);
CREATE INDEX a_first ON pairs_1 (up) WITH (fillfactor = 50);
CREATE INDEX z_last ON pairs_1 (up) WITH (fillfactor = 60);
CREATE INDEX middle ON ONLY pairs (up);
ALTER INDEX middle ATTACH PARTITION z_last;
