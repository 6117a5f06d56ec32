CREATE TABLE users (id int PRIMARY KEY, username varchar(60), KEY idx_name (username));
