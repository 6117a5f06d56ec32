CREATE TABLE gauges (id int PRIMARY KEY, a tinyint, b smallint unsigned, c varchar(20), d char(5), e decimal(6,2), f float, g datetime, h varchar(200));
