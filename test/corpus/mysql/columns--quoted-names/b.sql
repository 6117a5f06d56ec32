CREATE TABLE `sel ect` (`order` int, `group by` int, `x.y` bigint, `naïve 'q' "d"` int, KEY `k.1` (`x.y`), KEY `i``j` (`order`));
