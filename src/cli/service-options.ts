import { Option, type Command } from 'commander'

/** What `up` and `serve` can be told; the environment knows the same settings. */
export function withServiceOptions(command: Command): Command {
  return command
    .option('--host <address>', 'address the API listens on (APP_HOST)')
    .option('--port <port>', 'port the API listens on; 0 for any free one (APP_HOST_PORT)')
    .option('--workers <n>', 'worker processes (WORKERS)')
    .option('--state-dir <directory>', 'where data, key and token are kept (TENANTRY_STATE_DIR)')
    .addOption(
      new Option('--log-level <level>', 'how much is logged (LOG_LEVEL)').choices([
        'silent',
        'error',
        'warn',
        'info',
        'debug',
      ]),
    )
}
