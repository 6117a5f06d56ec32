CREATE TABLE beings (name text, born date DEFAULT now());
CREATE TABLE dogs (bark text) INHERITS (beings);
CREATE TABLE puppies (weeks int) INHERITS (dogs);
