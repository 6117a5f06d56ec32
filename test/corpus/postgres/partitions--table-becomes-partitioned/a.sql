CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY, at date NOT NULL, total numeric, PRIMARY KEY (id, at));
CREATE INDEX orders_total ON orders (total);
CREATE VIEW sums AS SELECT at, sum(total) AS total FROM orders GROUP BY at;
