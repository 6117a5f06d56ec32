INSERT INTO base VALUES (1, 'x'); INSERT INTO child VALUES (2, 'y', 3); INSERT INTO grandchild VALUES (4, 'z', 5, 6);
