CREATE TYPE stage AS ENUM ('new', 'open');
CREATE TABLE jobs (id integer, stage stage) PARTITION BY LIST (stage);
CREATE TABLE jobs_new PARTITION OF jobs FOR VALUES IN ('new');
CREATE TABLE jobs_done (id integer, stage stage);
CREATE TABLE jobs_rest PARTITION OF jobs DEFAULT;
