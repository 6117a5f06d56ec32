INSERT INTO notes VALUES (1, 'x'); INSERT INTO hits VALUES (1, now());
