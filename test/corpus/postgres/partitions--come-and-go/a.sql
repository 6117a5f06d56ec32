CREATE TABLE logs (id int PRIMARY KEY, line text CHECK (line <> '')) PARTITION BY RANGE (id);
CREATE TABLE logs_1 PARTITION OF logs FOR VALUES FROM (0) TO (10);
CREATE TABLE logs_2 PARTITION OF logs FOR VALUES FROM (10) TO (20);
CREATE TABLE logs_3 (id int PRIMARY KEY, line text);
CREATE INDEX logs_line ON logs (line);
