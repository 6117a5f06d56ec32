CREATE TABLE t (id int, a int, b varchar(50), c text, PRIMARY KEY (id), KEY d (a, b DESC), FULLTEXT KEY f (c) WITH PARSER ngram);
