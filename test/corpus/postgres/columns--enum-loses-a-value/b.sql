CREATE TYPE colour AS ENUM ('green', 'red');
CREATE TABLE paints (id int, colour colour DEFAULT 'red', more colour[]);
CREATE VIEW reds AS SELECT id FROM paints WHERE colour = 'red';
CREATE VIEW named AS SELECT id, colour::text AS name FROM paints;
