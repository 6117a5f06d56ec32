CREATE TABLE tickets (id serial PRIMARY KEY, n int NOT NULL, m bigint);
