INSERT INTO saying (docid, line, tongue) VALUES (4, 'hello', 44), (9, 'salut', 33);
