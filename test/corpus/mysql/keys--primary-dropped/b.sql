CREATE TABLE k (a int, b int NOT NULL, KEY (a));
