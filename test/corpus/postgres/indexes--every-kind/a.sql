CREATE TABLE pages (id int, path text, tags text[], body text, at timestamptz);
CREATE INDEX old_one ON pages (id);
CREATE INDEX changed ON pages (path);
