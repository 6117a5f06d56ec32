/** On a server that holds many tenants' databases a version changes none by its name. */
import { expect, test } from 'vitest'
import { mysqlStepsOf } from '../../src/schema/dialects/mysql/version-steps.ts'

test.each([
  'INSERT INTO other.items VALUES (1)',
  'insert low_priority ignore `other`.`items` select * from items',
  'REPLACE other . items VALUES (1)',
  'UPDATE other.items SET a = 1',
  'DELETE FROM other.items',
  'TRUNCATE TABLE other.items',
  'CREATE TABLE IF NOT EXISTS other.items (a INT)',
  'CREATE OR REPLACE TABLE other.items (a INT)',
  "CREATE DEFINER = 'somebody'@'%' SQL SECURITY DEFINER VIEW other.v AS SELECT 1",
  'CREATE DEFINER=somebody@localhost TRIGGER other.t BEFORE INSERT ON items FOR EACH ROW SET NEW.a = 1',
  'CREATE DEFINER = CURRENT_USER() PROCEDURE other.p() SELECT 1',
  'CREATE UNIQUE INDEX i ON other.items (a)',
  'CREATE TRIGGER t AFTER UPDATE ON other.items FOR EACH ROW SET @a = 1',
  'ALTER TABLE other.items ADD COLUMN b INT',
  'DROP TABLE IF EXISTS other.items',
  'DROP INDEX i ON other.items',
  'RENAME TABLE items TO other.items',
  '/*!50001 DROP VIEW other.items */',
])('%s changes another database', (sql) => {
  expect(() => mysqlStepsOf(sql)).toThrow(/changes what is in the database other/)
})

test.each([
  'INSERT INTO items SELECT reference.name FROM shared.reference',
  'INSERT INTO items (a) VALUES (1) ON DUPLICATE KEY UPDATE items.a = 2',
  'UPDATE items JOIN shared.reference r ON r.id = items.id SET items.a = r.a',
  'DELETE items FROM items JOIN shared.reference r ON r.id = items.id',
  'CREATE TABLE copies AS SELECT items.a FROM items',
  "CREATE DEFINER = 'somebody'@'%' VIEW v AS SELECT items.a FROM items",
  'CREATE ALGORITHM = MERGE DEFINER=`a`@`b` SQL SECURITY INVOKER VIEW v AS SELECT items.a FROM items',
  'CREATE TRIGGER t AFTER UPDATE ON items FOR EACH ROW SET @a = NEW.a',
  'ALTER TABLE items ADD CONSTRAINT c CHECK (items.a > 1.5)',
  'CREATE INDEX i ON items (a)',
])('%s does not', (sql) => {
  expect(mysqlStepsOf(sql)).toHaveLength(1)
})
