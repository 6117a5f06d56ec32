CREATE TABLE k (id int PRIMARY KEY, a text, b text, FULLTEXT KEY f1 (a));
