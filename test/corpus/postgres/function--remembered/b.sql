create function plain(text) returns text language sql immutable as 'select btrim(lower($1))';
create domain label as text constraint plain check (plain(value) <> '');
create table words (
  word text constraint not_empty check (plain(word) <> ''),
  stored text generated always as (plain(word)) stored,
  named text default plain('X'),
  tag label,
  size bigint
);
create index words_plain on words (plain(word));
