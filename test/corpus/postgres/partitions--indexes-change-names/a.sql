CREATE TABLE steps (id integer PRIMARY KEY, ref text, up integer) PARTITION BY LIST (id);
CREATE TABLE steps_one PARTITION OF steps FOR VALUES IN (1);
CREATE TABLE steps_rest PARTITION OF steps DEFAULT PARTITION BY RANGE (id);
CREATE TABLE steps_all PARTITION OF steps_rest FOR VALUES FROM (MINVALUE) TO (MAXVALUE);
CREATE INDEX goes ON steps (ref DESC, id);
CREATE INDEX stays ON steps (ref) WHERE id > 3;
CREATE INDEX turns ON steps (up);
CREATE INDEX about ON steps (up) WHERE id > 5;
ALTER TABLE steps ADD CONSTRAINT kept UNIQUE (id, up);
ALTER TABLE steps ADD CONSTRAINT more UNIQUE (id, up) DEFERRABLE;
-- Nobody's: the parent's takes its name.
CREATE INDEX steps_one_lower_idx ON steps_one (lower(ref));
CREATE INDEX low ON steps (lower(ref));

CREATE TABLE paths (id integer, ref text) PARTITION BY RANGE (id);
CREATE TABLE paths_low PARTITION OF paths FOR VALUES FROM (MINVALUE) TO (5);
CREATE TABLE paths_high PARTITION OF paths FOR VALUES FROM (5) TO (MAXVALUE);
CREATE INDEX one ON paths (ref);
CREATE INDEX two ON paths (ref) WHERE id > 1;
CREATE INDEX three ON paths (id);
