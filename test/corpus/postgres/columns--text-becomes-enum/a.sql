CREATE TABLE parcels (id int PRIMARY KEY, state text NOT NULL DEFAULT 'new' CHECK (state IN ('new', 'sent')));
CREATE INDEX parcels_new ON parcels (id) WHERE state = 'new';
CREATE VIEW open_parcels AS SELECT id, state FROM parcels WHERE state <> 'sent';
