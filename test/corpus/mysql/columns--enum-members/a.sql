CREATE TABLE jobs (id int PRIMARY KEY, s enum('new','done') NOT NULL DEFAULT 'new', f set('a','b'));
