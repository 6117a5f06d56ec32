CREATE TABLE u (a int unsigned zerofill, b decimal(10,2) unsigned, c float, d bit(1) DEFAULT b'0', e json);
