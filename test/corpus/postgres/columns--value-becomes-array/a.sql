CREATE TYPE mood AS ENUM ('low', 'high');
CREATE TABLE notes (
  day date,
  flag boolean DEFAULT true,
  feeling text DEFAULT 'low',
  amount integer NOT NULL DEFAULT 5,
  place inet
);
