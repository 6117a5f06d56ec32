CREATE TABLE parcel (id INT PRIMARY KEY, weight BIGINT, size INT);
CREATE VIEW pairs AS SELECT id, weight, size FROM parcel;
CREATE VIEW heavy AS SELECT p.id, p.weight, parcel.size FROM pairs AS p JOIN parcel ON parcel.id = p.id;
CREATE VIEW light AS SELECT h.id, p.weight, h.size FROM heavy AS h JOIN pairs AS p ON p.id = h.id;
