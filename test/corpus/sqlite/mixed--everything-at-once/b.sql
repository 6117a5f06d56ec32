CREATE TABLE account (id INTEGER PRIMARY KEY AUTOINCREMENT, email TEXT NOT NULL UNIQUE COLLATE NOCASE, name TEXT, born TEXT, CHECK (email LIKE '%@%'));
CREATE TABLE post (id INTEGER PRIMARY KEY, account INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE, title TEXT, body TEXT, words INTEGER AS (length(body)) STORED);
CREATE TABLE tag (post INTEGER REFERENCES post, tag TEXT, PRIMARY KEY (post, tag)) WITHOUT ROWID;
CREATE INDEX post_title ON post (title COLLATE NOCASE); CREATE INDEX post_words ON post (words) WHERE words > 100;
CREATE VIEW recent AS SELECT p.id, a.name, a.born FROM post p JOIN account a ON a.id = p.account;
CREATE VIEW tagged AS SELECT * FROM recent JOIN tag ON tag.post = recent.id;
CREATE TRIGGER post_ai AFTER INSERT ON post BEGIN INSERT INTO tag VALUES (new.id, 'new'); END;
