CREATE TABLE k (a int, b int, KEY x (a) IGNORED, KEY y (b));
