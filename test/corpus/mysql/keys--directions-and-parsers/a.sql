CREATE TABLE t (id int, a int, b varchar(50), c text, PRIMARY KEY (id DESC), KEY d (a DESC, b), FULLTEXT KEY f (c));
