INSERT INTO paints VALUES (1, 'red', '{green,red}'), (2, 'green', NULL);
