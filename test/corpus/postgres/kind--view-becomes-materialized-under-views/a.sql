CREATE TABLE trips (id integer PRIMARY KEY, miles integer);
CREATE VIEW long_trips AS SELECT id, miles FROM trips WHERE miles > 100;
ALTER VIEW long_trips ALTER miles SET DEFAULT 101;
CREATE VIEW longest AS SELECT max(miles) AS miles FROM long_trips;
CREATE MATERIALIZED VIEW kept AS SELECT miles FROM longest;
CREATE FUNCTION how_many() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM long_trips; END;
