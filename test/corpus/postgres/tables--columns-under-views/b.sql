CREATE TABLE people (id int PRIMARY KEY, first varchar(100), last text, age bigint);
CREATE VIEW adults AS SELECT id, first, last FROM people WHERE age >= 18;
CREATE VIEW names AS SELECT first || last AS name FROM adults;
CREATE MATERIALIZED VIEW counted AS SELECT count(*) AS n, age FROM people GROUP BY age;
CREATE UNIQUE INDEX counted_age ON counted (age);
