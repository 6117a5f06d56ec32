CREATE TABLE page (id INTEGER PRIMARY KEY, body TEXT); CREATE VIRTUAL TABLE found USING fts5(body, content='page', content_rowid='id');
