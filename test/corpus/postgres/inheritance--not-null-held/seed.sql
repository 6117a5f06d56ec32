INSERT INTO vehicle VALUES ('a', 4, 'x', '2020-01-01'); INSERT INTO car VALUES ('b', 4, 'x', '2020-01-01'); INSERT INTO taxi VALUES ('c', 4, 'x', '2020-01-01');
INSERT INTO cycle VALUES ('d', 2, 'x', '2020-01-01'); INSERT INTO both_ways VALUES ('e', 3); INSERT INTO apart VALUES ('f'); INSERT INTO keyed_too VALUES (1, 'g'); INSERT INTO below_leaves VALUES ('h', 1);
