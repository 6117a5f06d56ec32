INSERT INTO people VALUES (1, 'Ann', '2001-01-01', 1), (2, 'Bob', '2002-02-02', 2);
