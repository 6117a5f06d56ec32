INSERT INTO page VALUES (1, 'Text'); INSERT INTO found (found) VALUES ('rebuild');
