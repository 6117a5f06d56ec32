INSERT INTO reading VALUES (1, '007', 'x'), (2, 1.5, '1.50');
