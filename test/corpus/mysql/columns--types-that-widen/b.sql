CREATE TABLE gauges (id bigint PRIMARY KEY, a int, b int unsigned, c varchar(60), d varchar(50), e decimal(12,4), f double, g datetime(6), h text);
