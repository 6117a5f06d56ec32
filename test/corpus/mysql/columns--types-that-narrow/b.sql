CREATE TABLE gauges (id int unsigned PRIMARY KEY, a tinyint unsigned, c varchar(6), e decimal(4,1), g date);
