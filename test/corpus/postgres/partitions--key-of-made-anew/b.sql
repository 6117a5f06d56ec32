CREATE TYPE region AS ENUM ('north', 'south', 'west');
CREATE FUNCTION bucket(number integer) RETURNS bigint LANGUAGE sql IMMUTABLE AS 'select number % 4::bigint';
CREATE TABLE sales (area region, amount integer) PARTITION BY LIST (area);
CREATE TABLE sales_north PARTITION OF sales FOR VALUES IN ('north');
CREATE TABLE sales_rest PARTITION OF sales DEFAULT;
CREATE TABLE parcels (id integer, note text) PARTITION BY RANGE (bucket(id));
CREATE TABLE parcels_all PARTITION OF parcels DEFAULT;
CREATE INDEX ON parcels (id);
CREATE VIEW parcel_notes AS SELECT note FROM parcels;
