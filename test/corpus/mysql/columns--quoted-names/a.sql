CREATE TABLE `sel ect` (`order` int, `a b` int, `x.y` int, KEY `k.1` (`a b`));
