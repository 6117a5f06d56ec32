INSERT INTO boxes (id, width, height) VALUES (1, 2, 3);
INSERT INTO plans (id, day) VALUES (1, 2), (2, 3); INSERT INTO taller VALUES (1);
