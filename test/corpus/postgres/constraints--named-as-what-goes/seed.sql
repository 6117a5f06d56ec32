INSERT INTO berth VALUES (1, 1, 'a'), (1, 2, 'b');
INSERT INTO crew VALUES (1, 'a'), (2, 'b');
INSERT INTO rope VALUES (1, 1), (2, 1);
