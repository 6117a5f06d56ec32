CREATE TABLE gauges (id integer, label text, body text, note varchar(20), amount numeric(8,2), kept integer DEFAULT 7);
