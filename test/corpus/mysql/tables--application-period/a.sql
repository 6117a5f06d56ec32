CREATE TABLE r (id int, s date, e date);
CREATE TABLE q (id int, s date, e date, PERIOD FOR valid (s, e));
