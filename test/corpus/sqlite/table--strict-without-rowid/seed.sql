INSERT INTO m VALUES ('b', 1), ('a', 2);
