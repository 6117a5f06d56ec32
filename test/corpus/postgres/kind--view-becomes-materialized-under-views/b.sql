CREATE TABLE trips (id integer PRIMARY KEY, miles integer);
CREATE MATERIALIZED VIEW long_trips AS SELECT id, miles FROM trips WHERE miles > 100;
CREATE INDEX ON long_trips (miles);
ALTER MATERIALIZED VIEW long_trips ALTER miles SET STATISTICS 50;
CREATE VIEW longest AS SELECT max(miles) AS miles FROM long_trips;
CREATE MATERIALIZED VIEW kept AS SELECT miles FROM longest;
CREATE FUNCTION how_many() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM long_trips; END;
