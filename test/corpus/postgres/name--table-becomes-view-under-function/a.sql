CREATE TABLE parcel (id integer, weight integer, note text);
CREATE FUNCTION heavy() RETURNS SETOF parcel LANGUAGE sql STABLE AS 'select * from public.parcel where weight > 10';
