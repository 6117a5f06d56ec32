CREATE TABLE places (id int PRIMARY KEY, p point NOT NULL SRID 4326 COMMENT 'where', q geometry SRID 3857, r polygon, SPATIAL KEY at (p));
