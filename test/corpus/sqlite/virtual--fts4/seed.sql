INSERT INTO n VALUES ('a', 'b');
