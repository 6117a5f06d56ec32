CREATE VIRTUAL TABLE saying USING fts4(Line, author, languageid="lang", tokenize=porter);
