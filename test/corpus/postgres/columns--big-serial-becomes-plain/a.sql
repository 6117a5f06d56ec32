CREATE TABLE tickets (id bigserial PRIMARY KEY, note text);
CREATE VIEW notes AS SELECT id, note FROM tickets;
