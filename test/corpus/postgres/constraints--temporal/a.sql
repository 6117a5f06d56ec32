CREATE TABLE rooms (id int4range, during daterange, name text, CONSTRAINT rooms_key PRIMARY KEY (id, during WITHOUT OVERLAPS));
CREATE TABLE stays (room int4range, during daterange, guest text, CONSTRAINT one UNIQUE (room, during WITHOUT OVERLAPS));
CREATE TABLE halls (id int4range, during daterange, other daterange) PARTITION BY RANGE (id);
CREATE TABLE halls_1 PARTITION OF halls FOR VALUES FROM ('[1,2)') TO ('[5,6)');
CREATE TABLE halls_2 (id int4range, during daterange, other daterange);
CREATE TABLE cars (id int4range NOT NULL, during daterange NOT NULL, CONSTRAINT cars_key PRIMARY KEY (id, during WITHOUT OVERLAPS));
CREATE TABLE trips (car int4range, during daterange, CONSTRAINT by_car FOREIGN KEY (car, PERIOD during) REFERENCES cars);
