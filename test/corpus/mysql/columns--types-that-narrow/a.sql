CREATE TABLE gauges (id bigint PRIMARY KEY, a int, c varchar(60), e decimal(12,4), g timestamp(6) NULL);
