CREATE TABLE t (generated INTEGER, always TEXT, "end" TEXT, key INT, action TEXT);
