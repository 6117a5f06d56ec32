INSERT INTO spot VALUES ('1', '2');
