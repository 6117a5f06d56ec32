/** A MariaDB server of one test file's own. */
import type { Certificate } from './certificates.ts'
import { startServer, type MysqlServer, type Product } from './mysql-server.ts'
import { programPath } from './programs.ts'

const MARIADB: Product = {
  name: 'MariaDB',
  server: 'mariadbd',
  client: 'mariadb',
  dump: 'mariadbDump',
  initialise: (dataDir) => [
    programPath('mariadbInstallDb'),
    ['--no-defaults', `--datadir=${dataDir}`, '--auth-root-authentication-method=normal', '--skip-test-db'],
  ],
  settings: () => ['--innodb-log-file-size=16M', '--debug-no-sync', '--sync-frm=0'],
  dumpSettings: [],
  reloadCertificate: 'FLUSH SSL',
}

/**
 * Needs `withProgram('mariadbd', 'mariadb', 'mariadbInstallDb', 'mariadbDump')`.
 * @param certificate with it, the server listens on a port of 127.0.0.1 as well, and speaks TLS
 */
export async function startMariaDb(certificate?: Certificate): Promise<MysqlServer> {
  return await startServer(MARIADB, { certificate })
}
