CREATE TABLE beings (name varchar(80) NOT NULL, born date, chip text);
CREATE TABLE dogs (bark text, CONSTRAINT barks CHECK (bark <> '')) INHERITS (beings);
CREATE TABLE puppies (weeks int) INHERITS (dogs);
ALTER TABLE ONLY puppies ALTER COLUMN born SET DEFAULT '2020-01-01';
