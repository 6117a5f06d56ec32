CREATE TABLE sums (id integer, double integer GENERATED ALWAYS AS (id * 2) STORED);
CREATE PUBLICATION said FOR TABLE sums WITH (publish_generated_columns = stored);
CREATE PUBLICATION columns FOR TABLE sums (id);
