/** What goes first where no dependency says it. */
export const priority: Readonly<Record<string, number>> = {
  table: 10,
  virtual_table: 20,
  column: 30,
  primary_key: 40,
  unique: 50,
  check: 60,
  foreign_key: 70,
  index: 80,
  view: 90,
  trigger: 100,
}
