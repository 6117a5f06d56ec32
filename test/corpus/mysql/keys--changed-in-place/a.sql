CREATE TABLE k (id int NOT NULL, a varchar(100), b int, UNIQUE KEY u (a), KEY x (b), KEY y (a, b), KEY z (b) COMMENT 'old');
