INSERT INTO p VALUES (1, 'a', 'b'); INSERT INTO c VALUES (1, 'a', 'b');
