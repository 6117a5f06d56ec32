INSERT INTO goods VALUES (1, 2, 3); INSERT INTO fruit VALUES (2, 3, 4, 'red'); INSERT INTO apple VALUES (3, 4, 5, 'green');
INSERT INTO tool VALUES (4, 5, 6); INSERT INTO loose VALUES (5, 6, 7); INSERT INTO ordered VALUES (1, 2); INSERT INTO computed_too VALUES (1, 2);
