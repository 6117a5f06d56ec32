CREATE TABLE links (id int PRIMARY KEY, to_id int);
CREATE INDEX links_to ON links (to_id) WITH (fillfactor = 50);
