INSERT INTO t VALUES (1, 'a', 'b'); INSERT INTO u VALUES ('u'); INSERT INTO v VALUES ('a', 'b', 'c');
