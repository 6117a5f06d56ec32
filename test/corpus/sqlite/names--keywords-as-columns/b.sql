CREATE TABLE t (generated INTEGER, always TEXT NOT NULL, "end" TEXT, key INT, action TEXT);
