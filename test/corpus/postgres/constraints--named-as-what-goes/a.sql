CREATE TABLE berth (dock int NOT NULL, slot int NOT NULL, ship text);
CREATE INDEX berth_slot ON berth (slot);
CREATE TABLE crew (person int NOT NULL, ship text NOT NULL);
CREATE INDEX berth_place ON crew (ship);
CREATE VIEW crew_of AS SELECT person FROM crew;
CREATE SEQUENCE crew_ship;
CREATE TABLE rope (length int, knots int CONSTRAINT rope_one CHECK (knots > 0));
CREATE UNIQUE INDEX rope_one ON rope (length);
