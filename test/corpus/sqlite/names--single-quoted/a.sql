CREATE TABLE 'big data' ('the id' INTEGER PRIMARY KEY, 'v' TEXT);
