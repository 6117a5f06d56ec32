INSERT INTO events VALUES ('a', 1, 'x'), ('d', 2, 'y'); INSERT INTO alone VALUES ('c', 3, 'z'); INSERT INTO wider VALUES ('a', 3);
