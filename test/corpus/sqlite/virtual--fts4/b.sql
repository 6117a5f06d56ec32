CREATE VIRTUAL TABLE n USING fts4(a, b, tokenize=porter);
