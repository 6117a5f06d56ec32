alter table customers add column touched_at timestamptz;

create function touch() returns trigger language plpgsql as $touch$
begin
  new.touched_at := now();
  return new;
end
$touch$;

create trigger customers_touch before update on customers for each row execute function touch();
