INSERT INTO 'big data' VALUES (1, 'x');
