CREATE TABLE k (id int NOT NULL, a varchar(100), b int, KEY u (a), UNIQUE KEY x (b), KEY y (b, a), KEY z (b) COMMENT 'new', KEY w (a(7)));
