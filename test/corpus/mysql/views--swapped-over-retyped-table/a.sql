CREATE TABLE parcel (id INT PRIMARY KEY, weight INT, note VARCHAR(20));
CREATE VIEW light AS SELECT id, weight, note FROM parcel;
CREATE VIEW heavy AS SELECT id, weight, note FROM light;
CREATE VIEW pairs AS SELECT l.id, h.weight FROM light AS l JOIN heavy AS h ON h.id = l.id;
