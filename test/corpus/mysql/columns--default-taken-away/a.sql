CREATE TABLE settings (id int PRIMARY KEY, a varchar(40) DEFAULT 'x', b int);
