CREATE VIRTUAL TABLE notes USING fts5(title, body, tag UNINDEXED, prefix = '2 3');
