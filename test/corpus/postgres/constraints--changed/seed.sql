INSERT INTO shops VALUES (1, 1, 1, 'x'), (2, 2, 2, 'y'); INSERT INTO sales VALUES (1, 1, 2);
