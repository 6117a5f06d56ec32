INSERT INTO logs VALUES (1, 'a'), (11, 'b'); INSERT INTO logs_3 VALUES (21, 'c');
