/**
 * Every error a user can meet, in one table: the stable code, the HTTP status it travels with, its title,
 * and the exit code of the command line. Codes are never reused or renamed.
 */
export const ERROR_CODES = {
  invalid_input: { status: 422, title: 'The input is not valid', exit: 2 },
  invalid_config: { status: 500, title: 'A configuration value is wrong', exit: 2 },
  malformed_request: { status: 400, title: 'The request cannot be read', exit: 2 },
  unauthenticated: { status: 401, title: 'No valid token', exit: 4 },
  forbidden: { status: 403, title: 'The token lacks the scope', exit: 4 },
  not_found: { status: 404, title: 'No such thing', exit: 1 },
  method_not_allowed: { status: 405, title: 'The method is not allowed here', exit: 2 },
  conflict: { status: 409, title: 'It conflicts with what is there', exit: 5 },
  checksum_conflict: { status: 409, title: 'Same version, other content', exit: 5 },
  precondition_failed: { status: 412, title: 'It changed in the meantime', exit: 5 },
  payload_too_large: { status: 413, title: 'The body is too large', exit: 2 },
  unsupported_media_type: { status: 415, title: 'The body must be JSON', exit: 2 },
  idempotency_mismatch: { status: 422, title: 'The idempotency key was used with another request', exit: 5 },
  too_many_requests: { status: 429, title: 'Too many requests', exit: 1 },
  source_invalid: { status: 422, title: 'The source of versions cannot be used', exit: 2 },
  program_missing: { status: 422, title: 'A program is not installed', exit: 1 },
  server_unreachable: { status: 502, title: 'The server cannot be reached', exit: 1 },
  server_refused: { status: 502, title: 'The server refused', exit: 1 },
  unsafe_role: { status: 409, title: 'The role is not safe to use here', exit: 5 },
  control_unavailable: { status: 503, title: 'The control database is not available', exit: 1 },
  wait_timeout: { status: 504, title: 'It is not finished yet', exit: 7 },
  internal: { status: 500, title: 'Tenantry failed', exit: 1 },
} as const satisfies Record<string, { status: number; title: string; exit: number }>

export type ErrorCode = keyof typeof ERROR_CODES
