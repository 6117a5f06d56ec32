CREATE TABLE gauges (id integer NOT NULL, label text COLLATE "C", body text COMPRESSION pglz, note varchar(40) DEFAULT 'none', amount numeric(10,2) NOT NULL, kept bigint);
ALTER TABLE gauges ALTER body SET STORAGE external, ALTER label SET STATISTICS 250, ALTER amount SET (n_distinct = 5);
