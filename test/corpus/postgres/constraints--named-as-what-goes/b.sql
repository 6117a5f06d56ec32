CREATE TABLE berth (dock int NOT NULL, slot int NOT NULL, ship text,
  CONSTRAINT berth_place PRIMARY KEY (dock, slot), CONSTRAINT berth_slot UNIQUE (ship));
CREATE TABLE crew (person int NOT NULL, ship text NOT NULL,
  CONSTRAINT crew_of UNIQUE (person), CONSTRAINT crew_ship PRIMARY KEY (ship, person));
CREATE TABLE rope (length int, knots int, CONSTRAINT rope_one UNIQUE (length));
