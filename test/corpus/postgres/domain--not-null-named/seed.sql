INSERT INTO uses VALUES (1, 2, 'x');
