CREATE TYPE span AS RANGE (SUBTYPE = integer, MULTIRANGE_TYPE_NAME = spans);
CREATE TABLE stays (room span, other span, EXCLUDE USING gist (other WITH &&));
CREATE INDEX ON stays USING gist (room);
CREATE VIEW starts AS SELECT lower(room) AS start FROM stays;
