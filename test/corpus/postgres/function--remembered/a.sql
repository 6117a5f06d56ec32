create function plain(text) returns text language sql immutable as 'select lower($1)';
create domain label as text constraint plain check (plain(value) <> '');
create table words (
  word text constraint not_empty check (plain(word) <> ''),
  stored text generated always as (plain(word)) stored,
  named text default plain('X'),
  tag label,
  size integer
);
create index words_plain on words (plain(word));
create table gone (word text);
create index gone_plain on gone (plain(word));
