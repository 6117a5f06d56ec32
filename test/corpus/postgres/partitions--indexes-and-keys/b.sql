CREATE TABLE events (id bigint NOT NULL, at date NOT NULL, kind text) PARTITION BY RANGE (at);
CREATE TABLE events_2024 PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE events_2025 PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01') PARTITION BY LIST (kind);
CREATE TABLE events_2025_a PARTITION OF events_2025 FOR VALUES IN ('a');
CREATE TABLE events_rest PARTITION OF events DEFAULT;

ALTER TABLE events ADD PRIMARY KEY (id, at, kind);
CREATE INDEX events_kind ON events (kind) WHERE id > 5;
CREATE INDEX only_here ON events_2024 (kind);
CREATE TABLE echoes (id bigint, at date, kind text, FOREIGN KEY (id, at, kind) REFERENCES events);
