CREATE TABLE links (id int, to_id int, PRIMARY KEY (id) WITH (fillfactor = 80));
CREATE INDEX links_to ON links (to_id) WITH (deduplicate_items = off);
