INSERT INTO spring.coats (size) VALUES ('m');
