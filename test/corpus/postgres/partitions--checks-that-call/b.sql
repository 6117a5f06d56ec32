CREATE FUNCTION weight(n integer) RETURNS bigint LANGUAGE sql IMMUTABLE AS 'select n + 1::bigint';
CREATE TABLE boxes (id integer PRIMARY KEY, note text, CHECK (weight(id) > 0)) PARTITION BY LIST (id);
CREATE TABLE boxes_low PARTITION OF boxes FOR VALUES IN (1, 2, 3, 4);
CREATE TABLE boxes_high PARTITION OF boxes DEFAULT;
