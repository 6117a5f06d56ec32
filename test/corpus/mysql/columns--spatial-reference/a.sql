CREATE TABLE places (id int PRIMARY KEY, p point NOT NULL SRID 4326, q geometry, r polygon SRID 0, SPATIAL KEY at (p));
