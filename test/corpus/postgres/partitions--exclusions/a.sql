CREATE TABLE seats (id integer, hall integer) PARTITION BY LIST (hall);
CREATE TABLE seats_1 PARTITION OF seats FOR VALUES IN (1);
CREATE TABLE desks (id integer, hall integer, CONSTRAINT one EXCLUDE USING btree (hall WITH =, id WITH =)) PARTITION BY LIST (hall);
CREATE TABLE desks_1 PARTITION OF desks FOR VALUES IN (1);
CREATE TABLE desks_2 (id integer, hall integer, CONSTRAINT apart EXCLUDE USING btree (hall WITH =, id WITH =));
CREATE TABLE desks_3 PARTITION OF desks FOR VALUES IN (3, 4) PARTITION BY LIST (hall);
CREATE TABLE desks_4 PARTITION OF desks_3 FOR VALUES IN (4);
