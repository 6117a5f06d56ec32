/** The two servers of the dialect `mysql`: what holds for one of them is tried on both. */
import type { Certificate } from './certificates.ts'
import { startMariaDb } from './mariadb.ts'
import { startMySql } from './mysql.ts'
import type { MysqlServer } from './mysql-server.ts'
import { withProgram, type ProgramName } from './programs.ts'

interface Tried {
  readonly product: MysqlServer['product']
  readonly start: (certificate?: Certificate) => Promise<MysqlServer>
}

const BOTH: readonly (Tried & { readonly programs: readonly ProgramName[] })[] = [
  {
    product: 'MariaDB',
    programs: ['mariadbd', 'mariadb', 'mariadbInstallDb', 'mariadbDump'],
    start: startMariaDb,
  },
  {
    product: 'MySQL',
    programs: ['mysqld', 'mysql', 'mysqldump'],
    start: (certificate) => startMySql({ certificate }),
  },
]

/** Registers the same tests for each of them. @param title comes before the product's name */
export function onBoth(title: string, body: (tried: Tried) => void): void {
  for (const { product, programs, start } of BOTH) {
    withProgram(...programs).describe(`${title} ${product}`, () => body({ product, start }))
  }
}
