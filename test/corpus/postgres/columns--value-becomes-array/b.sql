CREATE TYPE mood AS ENUM ('low', 'high');
CREATE TABLE notes (
  day integer[],
  flag text[] DEFAULT '{yes}',
  feeling mood[] DEFAULT '{low}',
  amount numeric(10,2)[] NOT NULL DEFAULT '{5}',
  place mood[]
);
