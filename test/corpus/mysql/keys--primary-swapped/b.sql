CREATE TABLE k (a int NOT NULL, b int NOT NULL, PRIMARY KEY (b, a), UNIQUE KEY old (a));
