CREATE TABLE base (a INTEGER);
CREATE INDEX lookup ON base (a);
