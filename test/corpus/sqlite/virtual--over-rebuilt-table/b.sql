CREATE TABLE t (id INTEGER PRIMARY KEY, title TEXT NOT NULL, body TEXT); CREATE VIRTUAL TABLE t_text USING fts5(title, body, content=t, content_rowid=id);
