CREATE TABLE rooms (id int CONSTRAINT rooms_key PRIMARY KEY, floor int, open_at int, close_at int, code text,
  CONSTRAINT hours CHECK (open_at < close_at), CONSTRAINT code_once UNIQUE (code) INCLUDE (floor) DEFERRABLE INITIALLY DEFERRED,
  CONSTRAINT floors EXCLUDE USING gist (int4range(open_at, close_at) WITH &&) WHERE (floor > 3));
ALTER TABLE rooms ADD CONSTRAINT later CHECK (floor < 100) NOT VALID;
ALTER TABLE rooms ADD CONSTRAINT mine CHECK (floor > -5) NO INHERIT;
CREATE TABLE beds (id int, room int REFERENCES rooms ON DELETE CASCADE ON UPDATE SET NULL DEFERRABLE);
ALTER TABLE beds ADD CONSTRAINT unchecked FOREIGN KEY (id) REFERENCES rooms NOT VALID;
