INSERT INTO people VALUES (1, 'a', 'b', 3); INSERT INTO staff VALUES (2, 'a', 'b', 4);
INSERT INTO above VALUES (1, 2, 3, 4); INSERT INTO below VALUES (1, 2, 3, 4); INSERT INTO lowest VALUES (1, 2, 3, 4);
INSERT INTO waiting VALUES (1, 'x', 'y'); INSERT INTO range VALUES ('2026-05-01', 4);
