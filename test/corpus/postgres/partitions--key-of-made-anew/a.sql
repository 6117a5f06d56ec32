CREATE TYPE region AS ENUM ('north', 'east', 'south');
CREATE FUNCTION bucket(n integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'select n % 4';
CREATE TABLE sales (area region, amount integer) PARTITION BY LIST (area);
CREATE TABLE sales_north PARTITION OF sales FOR VALUES IN ('north');
CREATE TABLE sales_rest PARTITION OF sales DEFAULT;
CREATE TABLE parcels (id integer, note text) PARTITION BY RANGE (bucket(id));
CREATE TABLE parcels_all PARTITION OF parcels DEFAULT;
CREATE INDEX ON parcels (id);
CREATE VIEW parcel_notes AS SELECT note FROM parcels;
