CREATE TABLE owners (id integer PRIMARY KEY);
CREATE TABLE boats (id integer PRIMARY KEY, owner integer, length integer, CONSTRAINT known FOREIGN KEY (owner) REFERENCES owners NOT ENFORCED, CONSTRAINT long CHECK (length > 3) NOT ENFORCED, CONSTRAINT short CHECK (length < 90));
CREATE TABLE masts (boat integer, CONSTRAINT on_boat FOREIGN KEY (boat) REFERENCES boats);
CREATE TABLE fleets (id integer, owner integer, CONSTRAINT known FOREIGN KEY (owner) REFERENCES owners NOT ENFORCED, CONSTRAINT good CHECK (id > 0) NOT ENFORCED) PARTITION BY LIST (id);
CREATE TABLE fleets_1 PARTITION OF fleets FOR VALUES IN (1);
CREATE TABLE sails (size integer, CONSTRAINT big CHECK (size > 1) NOT ENFORCED);
CREATE TABLE jibs () INHERITS (sails);
CREATE TABLE crews (id integer, owner integer, CONSTRAINT late FOREIGN KEY (owner) REFERENCES owners DEFERRABLE INITIALLY DEFERRED NOT ENFORCED);
