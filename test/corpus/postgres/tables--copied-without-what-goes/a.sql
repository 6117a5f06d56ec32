CREATE DOMAIN counted AS integer;
CREATE TABLE visits (id integer, people counted);
