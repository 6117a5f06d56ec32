/** A MySQL server of one test file's own. */
import path from 'node:path'
import { startServer, type MysqlServer, type Product, type ServerOptions } from './mysql-server.ts'
import { programPath } from './programs.ts'

/** Its messages, character sets and plugins are beside its program, not where this system has those of others. */
function installation(): string[] {
  return [`--basedir=${path.resolve(path.dirname(programPath('mysqld')), '../usr')}`]
}

const MYSQL: Product = {
  name: 'MySQL',
  server: 'mysqld',
  client: 'mysql',
  dump: 'mysqldump',
  initialise: (dataDir) => [
    programPath('mysqld'),
    [
      '--no-defaults',
      ...installation(),
      `--datadir=${dataDir}`,
      '--initialize-insecure',
      '--innodb-flush-method=nosync',
      '--innodb-redo-log-capacity=32M',
    ],
  ],
  settings: () => [
    ...installation(),
    '--mysqlx=OFF',
    '--secure-file-priv=NULL',
    '--innodb-redo-log-capacity=32M',
  ],
  dumpSettings: ['--set-gtid-purged=OFF', '--no-tablespaces'],
  // It would take one only together with the authority that signed it.
  reloadCertificate: undefined,
}

/** Needs `withProgram('mysqld', 'mysql', 'mysqldump')`. */
export async function startMySql(options: ServerOptions = {}): Promise<MysqlServer> {
  return await startServer(MYSQL, options)
}
