CREATE TABLE parts (id integer, kind text, above integer, PRIMARY KEY (id, kind)) PARTITION BY LIST (kind);
CREATE TABLE parts_a PARTITION OF parts FOR VALUES IN ('a');
ALTER TABLE parts ADD CONSTRAINT inside FOREIGN KEY (above, kind) REFERENCES parts (id, kind);
CREATE TABLE users_of (part integer, kind text, CONSTRAINT used FOREIGN KEY (part, kind) REFERENCES parts);
