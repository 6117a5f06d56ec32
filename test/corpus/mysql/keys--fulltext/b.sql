CREATE TABLE k (id int PRIMARY KEY, a text, b text, c int, FULLTEXT KEY f1 (a, b), FULLTEXT KEY f2 (b));
