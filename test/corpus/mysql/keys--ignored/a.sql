CREATE TABLE k (a int, b int, KEY x (a), KEY y (b) IGNORED);
