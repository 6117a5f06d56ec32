CREATE TABLE jobs (id int, lane text) PARTITION BY LIST (lane);
CREATE TABLE jobs_a PARTITION OF jobs FOR VALUES IN ('a');
