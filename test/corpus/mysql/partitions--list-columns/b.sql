CREATE TABLE m (id int, c varchar(10)) PARTITION BY LIST COLUMNS (c) (PARTITION e VALUES IN ('de', 'fr'), PARTITION a VALUES IN ('us', 'ca'), PARTITION `as ia` VALUES IN ('jp'));
