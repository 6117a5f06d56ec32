CREATE TABLE sums (id integer, double integer GENERATED ALWAYS AS (id * 2) STORED);
CREATE PUBLICATION said FOR TABLE sums WITH (publish = 'insert', publish_via_partition_root);
CREATE PUBLICATION columns FOR TABLE sums (id, double);
