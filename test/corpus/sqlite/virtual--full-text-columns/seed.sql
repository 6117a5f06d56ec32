INSERT INTO notes VALUES ('a', 'b'), ('c', 'd');
