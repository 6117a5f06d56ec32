INSERT INTO goods VALUES (1, 2, '1', '3'); INSERT INTO more_goods VALUES (2, 3, '2', '2');
INSERT INTO tighter VALUES (2, '{3,4}');
