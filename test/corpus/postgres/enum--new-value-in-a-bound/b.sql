CREATE TYPE stage AS ENUM ('new', 'open', 'done');
CREATE TABLE jobs (id integer, stage stage) PARTITION BY LIST (stage);
CREATE TABLE jobs_new PARTITION OF jobs FOR VALUES IN ('new');
CREATE TABLE jobs_done PARTITION OF jobs FOR VALUES IN ('done');
CREATE TABLE jobs_rest PARTITION OF jobs DEFAULT;
