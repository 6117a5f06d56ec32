CREATE TABLE u (a int(5), b decimal(12,3), c double(10,2) unsigned, d tinyint(1) DEFAULT 0, e longtext);
