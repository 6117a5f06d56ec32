CREATE VIRTUAL TABLE saying USING fts4(line, languageid="tongue");
