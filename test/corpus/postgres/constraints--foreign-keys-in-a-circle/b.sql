CREATE TABLE eggs (id int PRIMARY KEY, hen int);
CREATE TABLE hens (id int PRIMARY KEY, egg int REFERENCES eggs, boss int REFERENCES hens);
ALTER TABLE eggs ADD CONSTRAINT eggs_hen FOREIGN KEY (hen) REFERENCES hens;
