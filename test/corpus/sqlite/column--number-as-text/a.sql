CREATE TABLE gauge (id INTEGER PRIMARY KEY, level REAL, unit NUMERIC, CHECK (gauge.level > -1));
