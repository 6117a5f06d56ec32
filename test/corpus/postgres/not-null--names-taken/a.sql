CREATE TABLE nn (id integer, v integer);
CREATE TABLE oo (id integer);
CREATE TABLE ob (id integer, CONSTRAINT oo_v_not_null CHECK (id > 0));
CREATE TABLE pn (id integer, v integer NOT NULL, w integer) PARTITION BY RANGE (id);
CREATE TABLE pn_1 PARTITION OF pn FOR VALUES FROM (0) TO (10);
CREATE TABLE pp (id integer);
CREATE TABLE pp_1 () INHERITS (pp);
CREATE TABLE qq (id integer NOT NULL);
CREATE TABLE qq_1 () INHERITS (qq);
