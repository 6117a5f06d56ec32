CREATE DOMAIN ticket AS int;
CREATE TYPE grade AS ENUM ('a', 'b');
CREATE TABLE visit (id ticket NOT NULL, grade grade);
