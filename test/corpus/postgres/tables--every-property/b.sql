CREATE TABLE notes (id int PRIMARY KEY, body text) WITH (fillfactor = 70, toast.autovacuum_enabled = off, autovacuum_vacuum_scale_factor = 0.01);
ALTER TABLE notes REPLICA IDENTITY FULL, ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE TABLE hits (id int NOT NULL, at timestamptz);
CREATE UNIQUE INDEX hits_id ON hits (id);
ALTER TABLE hits REPLICA IDENTITY USING INDEX hits_id;
ALTER TABLE hits CLUSTER ON hits_id;
