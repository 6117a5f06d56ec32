INSERT INTO tickets (n, m) VALUES (1, 1), (2, 2), (3, 3);
