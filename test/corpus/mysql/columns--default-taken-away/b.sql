CREATE TABLE settings (id int PRIMARY KEY, a varchar(40) DEFAULT 'x', b int, c datetime);
ALTER TABLE settings ALTER a DROP DEFAULT, ALTER c DROP DEFAULT;
