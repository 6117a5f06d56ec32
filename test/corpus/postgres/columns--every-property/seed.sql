INSERT INTO gauges VALUES (1, 'a', 'b', 'c', 1.25, 7), (2, 'd', 'e', 'f', 2, 9);
