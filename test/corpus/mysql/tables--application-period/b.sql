CREATE TABLE r (id int, s date, e date, PERIOD FOR valid (s, e), UNIQUE KEY u (id, valid WITHOUT OVERLAPS));
CREATE TABLE q (id int, s date NOT NULL, e date NOT NULL);
