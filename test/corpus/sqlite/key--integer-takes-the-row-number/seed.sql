INSERT INTO badge VALUES (12, 'a'), (3, 'b');
