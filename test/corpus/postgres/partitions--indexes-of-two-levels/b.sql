CREATE TABLE visits (id integer, page text, place integer, PRIMARY KEY (id, place)) PARTITION BY LIST (place);
CREATE TABLE visits_one PARTITION OF visits FOR VALUES IN (1);
CREATE TABLE visits_rest PARTITION OF visits DEFAULT PARTITION BY RANGE (id);
CREATE TABLE visits_rest_all PARTITION OF visits_rest FOR VALUES FROM (MINVALUE) TO (MAXVALUE);
CREATE INDEX first ON visits (id, page);
CREATE INDEX second ON visits (page) WITH (fillfactor = 60);
ALTER TABLE visits ADD CONSTRAINT one UNIQUE (place, id, page);
ALTER TABLE visits ADD CONSTRAINT two UNIQUE (place, id);
