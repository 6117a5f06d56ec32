CREATE TABLE parcel_rows (id integer, weight integer, note text);
CREATE VIEW parcel AS SELECT id, weight, note FROM parcel_rows;
CREATE FUNCTION heavy() RETURNS SETOF parcel LANGUAGE sql STABLE AS 'select * from public.parcel where weight > 10';
