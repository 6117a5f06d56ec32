CREATE FUNCTION fee(amount integer) RETURNS text LANGUAGE sql IMMUTABLE AS 'select amount::text';
CREATE FUNCTION fee_of_ten() RETURNS text LANGUAGE sql BEGIN ATOMIC SELECT fee(10); END;
CREATE TABLE bills (id integer, fee text DEFAULT fee(3), CHECK (fee(id) <> ''));
CREATE VIEW fees AS SELECT fee(id) AS fee, id FROM bills;
ALTER VIEW fees ALTER id SET DEFAULT length(fee(7));
CREATE VIEW least AS SELECT fee_of_ten() AS fee;
