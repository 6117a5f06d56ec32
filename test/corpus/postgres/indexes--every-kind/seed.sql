INSERT INTO pages VALUES (1, 'a', '{x}', 'b', now());
