CREATE TABLE t (a INTEGER); CREATE VIRTUAL TABLE notes USING fts5(title, body, tokenize = 'porter ascii');
