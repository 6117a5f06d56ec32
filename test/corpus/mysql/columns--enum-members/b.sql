CREATE TABLE jobs (id int PRIMARY KEY, s enum('new','running','done') NOT NULL DEFAULT 'running', f set('a','b','c'));
