CREATE TABLE gauge (id INTEGER PRIMARY KEY, level TEXT, unit VARCHAR(20), CHECK (gauge.level > -1));
