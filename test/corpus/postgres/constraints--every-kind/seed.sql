INSERT INTO rooms VALUES (1, 1, 1, 2, 'a'), (2, 2, 3, 4, 'b'); INSERT INTO beds VALUES (1, 2);
