CREATE TYPE colour AS ENUM ('red', 'green', 'grey');
CREATE TABLE paints (id int, colour colour DEFAULT 'red', more colour[]);
CREATE VIEW reds AS SELECT id FROM paints WHERE colour = 'red';
CREATE VIEW named AS SELECT id, colour::text AS name FROM paints;
