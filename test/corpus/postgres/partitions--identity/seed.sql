INSERT INTO logs (day) VALUES (1); INSERT INTO notes VALUES (7, 1); INSERT INTO marks (day) VALUES (1);
