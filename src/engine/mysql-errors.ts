/** Errors of MySQL and MariaDB, which often have no SQLSTATE of their own, as the SQLSTATEs that PostgreSQL has for them. */

/**
 * By number, server's and client's. What is tried again is decided by SQLSTATE, in one place for all kinds of servers.
 * MariaDB: https://mariadb.com/kb/en/mariadb-error-codes/, MySQL: "MySQL Error Message Reference".
 */
export const MYSQL_SQLSTATES: Readonly<Record<number, string>> = {
  1020: '40001', // a row was changed since it was read
  1021: '53100', // disk full
  1024: '58030', // a file cannot be read
  1026: '58030', // a file cannot be written
  1030: '58030', // the storage engine says no
  1037: '53200', // out of memory
  1038: '53200', // no memory for sorting
  1040: '53300', // too many connections
  1041: '53200', // out of resources
  1044: '42501', // no right to use the database
  1047: '57P03', // a cluster's member that is not ready
  1049: '3D000', // there is no such database
  1053: '08006', // the server shuts down
  1114: '53100', // a table is full: the disk, as a rule
  1129: '28000', // too many wrong logins from this host
  1130: '28000', // this host may not log in
  1135: '53200', // no thread for a connection
  1142: '42501', // no right to do this to a table
  1143: '42501', // no right to do this to a column
  1203: '53300', // the user's own limit of connections
  1205: '55P03', // lock_wait_timeout or innodb_lock_wait_timeout ran out
  1206: '53200', // no room for locks
  1213: '40P01', // deadlock
  1226: '53300', // a limit of the user: of connections, or of work per hour
  1227: '42501', // no right to do this
  1290: '25006', // the server runs with --read-only
  1317: '57014', // KILL QUERY
  1370: '42501', // no right to do this to a routine
  1412: '40001', // a table was changed since it was read
  1615: '40001', // a statement has to be prepared anew
  1637: '53200', // too many transactions
  1820: '28000', // the password must be changed first
  1836: '25006', // the server is read-only
  1862: '28000', // the password has expired
  1878: '58030', // a temporary file cannot be written
  1927: '08006', // KILL
  1969: '57014', // max_statement_time ran out
  2002: '08001', // nothing answers
  2003: '08001',
  2006: '08006', // the server went away
  2013: '08006',
  3024: '57014', // max_execution_time ran out
  3058: '40P01', // deadlock of named locks
  3101: '40001', // rolled back by a cluster's other members
  3118: '28000', // the account is locked
  3168: '57P03', // the server does not serve now
  3169: '08006', // KILL
  3572: '55P03', // NOWAIT
  4031: '08006', // idle for too long
  4151: '28000', // the account is locked
}

/** @param own what the server says itself */
export function sqlstateOfError(number: number, own: string | undefined): string {
  return MYSQL_SQLSTATES[number] ?? own ?? 'HY000'
}
