INSERT INTO gauge VALUES (1, 0.1 + 0.2, 1.0 / 3), (2, 5, 'bar');
