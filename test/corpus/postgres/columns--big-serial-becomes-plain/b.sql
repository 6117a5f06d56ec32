CREATE TABLE tickets (id integer PRIMARY KEY, note text);
CREATE VIEW notes AS SELECT id, note FROM tickets;
