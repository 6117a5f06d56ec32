INSERT INTO docs VALUES (1, '{"tags": ["a", "b"], "zips": [1, 2]}');
