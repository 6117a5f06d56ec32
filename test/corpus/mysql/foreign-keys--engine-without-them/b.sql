CREATE TABLE a (id int PRIMARY KEY, up int, KEY a_up (up)) ENGINE=MyISAM; CREATE TABLE b (id int PRIMARY KEY, a int);
