CREATE TABLE account (id INTEGER PRIMARY KEY AUTOINCREMENT, email TEXT UNIQUE, name TEXT, age INT);
CREATE TABLE post (id INTEGER PRIMARY KEY, account INTEGER REFERENCES account (id), title TEXT, body TEXT);
CREATE INDEX post_title ON post (title);
CREATE VIEW recent AS SELECT p.id, a.name FROM post p JOIN account a ON a.id = p.account;
CREATE TRIGGER post_ai AFTER INSERT ON post BEGIN UPDATE account SET age = age + 1 WHERE id = new.account; END;
