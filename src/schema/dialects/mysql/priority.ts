/** What goes first where no dependency says it. */
export const priority: Readonly<Record<string, number>> = {
  database: 5,
  sequence: 10,
  table: 20,
  column: 30,
  index: 40,
  check: 50,
  foreign_key: 60,
  library: 65,
  package: 70,
  package_body: 75,
  function: 80,
  procedure: 90,
  view: 100,
  trigger: 110,
  event: 120,
}
