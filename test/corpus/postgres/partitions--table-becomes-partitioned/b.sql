CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY, at date NOT NULL, total numeric, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE orders_old PARTITION OF orders FOR VALUES FROM (MINVALUE) TO ('2025-01-01');
CREATE TABLE orders_new PARTITION OF orders DEFAULT;
CREATE INDEX orders_total ON orders (total);
CREATE VIEW sums AS SELECT at, sum(total) AS total FROM orders GROUP BY at;
