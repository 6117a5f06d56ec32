CREATE TYPE parcel_state AS ENUM ('new', 'sent', 'lost');
CREATE TABLE parcels (id int PRIMARY KEY, state parcel_state NOT NULL DEFAULT 'new');
CREATE INDEX parcels_new ON parcels (id) WHERE state = 'new';
CREATE VIEW open_parcels AS SELECT id, state FROM parcels WHERE state <> 'sent';
