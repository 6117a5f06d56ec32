CREATE SEQUENCE tickets AS smallint;
CREATE SEQUENCE debts INCREMENT BY -1;
CREATE TABLE orders (
  id bigint GENERATED ALWAYS AS IDENTITY,
  label text
);
