INSERT INTO words VALUES (1, 'grün', 'blau', 'rot', 'x');
