INSERT INTO staff VALUES ('a', 1); INSERT INTO guests VALUES ('b', 2);
