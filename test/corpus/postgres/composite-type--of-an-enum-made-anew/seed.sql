INSERT INTO typed VALUES (1, '2'); INSERT INTO held VALUES (1, ROW(1, '3'), ROW(ROW(1, '2'), '{}'), ARRAY[ROW(2, '1')::pair]);
