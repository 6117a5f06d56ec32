/** What mysqldump says of a schema, as a list in which equal schemas are equal. */
import { execFileSync } from 'node:child_process'

/** Lines of one table are sorted, since the order of columns and keys is no difference; everything else stays as it is. */
export function dumpOf(program: string, login: readonly string[], database: string): string[] {
  const text = execFileSync(
    program,
    [
      ...login,
      '--no-data',
      '--routines',
      '--events',
      '--triggers',
      '--skip-comments',
      '--skip-opt',
      '--create-options',
      '--quote-names',
      database,
    ],
    { encoding: 'utf8', maxBuffer: 64 * 2 ** 20 },
  )
  const own = text.replaceAll(`\`${database}\`.`, '').replaceAll(/ AUTO_INCREMENT=\d+/g, '')
  const tables: string[] = []
  const rest = own.replaceAll(/^CREATE TABLE [\s\S]*?;$/gm, (table) => {
    tables.push(
      table
        .split('\n')
        .map((line) => line.replace(/,$/, ''))
        .toSorted()
        .join('\n'),
    )
    return ''
  })
  const others = rest.split(/^(?=CREATE |\/\*!50003 CREATE|\/\*!50001 CREATE|\/\*!50106 CREATE)/m)
  return [...tables, ...others.map(withoutSettings)].toSorted()
}

/** Without what sets and restores the session around an object: that depends on its neighbours. */
function withoutSettings(text: string): string {
  return text
    .split('\n')
    .filter(
      (line) => !/^(?:\/\*!\d+ SET |\/\*M?!\d+ DROP|SET |DELIMITER|\/\*M!999999|ALTER DATABASE|$)/.test(line),
    )
    .join('\n')
}
