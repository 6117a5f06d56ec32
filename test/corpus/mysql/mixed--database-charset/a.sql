CREATE TABLE a (t varchar(10));
