/** Versions: generate from a source, store, list, show. */
import { z } from 'zod'
import { SERVER_KINDS } from '../engine/address.ts'
import { generateVersion } from '../schema/generate.ts'
import { getVersion, listVersions, storeVersion, withNewVersionId } from '../schema/versions.ts'
import { decodeCursor, encodeCursor } from './cursor.ts'
import { defineEndpoint } from './endpoint.ts'
import { cursorText, pageLimit, pageOf, timestamp } from './fields.ts'

export const versionId = z
  .string()
  .regex(/^\d{8}_\d{6}$/, 'It is a date and a time as YYYYMMDD_HHMMSS, e.g. 20260112_143000.')
  .describe('YYYYMMDD_HHMMSS')
const description = z.string().min(1).max(500)
const SQL_LIMIT = 16 * 1024 * 1024

const dialect = z.enum(SERVER_KINDS).describe('What the SQL is written in: the kind of server it is for.')

const versionSummary = z.object({
  version_id: versionId,
  dialect,
  description: z.string(),
  checksum: z.string().describe('SHA-256 over both SQL texts.'),
  source: z.string().nullable(),
  source_revision: z.string().nullable(),
  created_at: timestamp,
  upgrade_bytes: z.int(),
  has_downgrade: z.boolean(),
})

export const versionEndpoints = [
  defineEndpoint({
    id: 'versions.generate',
    method: 'POST',
    path: '/schema/generate',
    tag: 'Versions',
    scope: 'versions:write',
    summary: 'Generate a version from a source',
    description:
      'Takes everything the source has after the last version that was generated from it, up to the target revision. Without a source the configured Alembic project is used.',
    body: z.strictObject({
      description,
      target_revision: z.string().min(1).max(200).default('head'),
      source: z.string().min(1).max(1000).optional().describe("Path inside the server's directory."),
      dialect: dialect.default('postgres'),
    }),
    status: 201,
    output: z.object({
      success: z.literal(true),
      version_id: versionId,
      checksum: z.string(),
      revisions: z.array(z.string()),
      read_as: z
        .string()
        .describe(
          'What the source was taken for: the name of a tool, or how a plain folder of SQL was read.',
        ),
      files: z.object({ upgrade: z.string(), downgrade: z.string().nullable() }),
    }),
    errors: ['source_invalid', 'program_missing'],
    location: (made) => `/schema/versions/${made.version_id}`,
    run: async (app, { body }) => {
      const made = await generateVersion(
        app.control,
        app.config,
        {
          description: body.description,
          targetRevision: body.target_revision,
          source: body.source,
          dialect: body.dialect,
        },
        app.config.directory,
      )
      const { version_id, checksum } = made.version
      return {
        success: true as const,
        version_id,
        checksum,
        revisions: [...made.revisions],
        read_as: made.readAs,
        files: made.files,
      }
    },
  }),
  defineEndpoint({
    id: 'versions.list',
    method: 'GET',
    path: '/schema/versions',
    tag: 'Versions',
    scope: 'versions:read',
    summary: 'List versions, newest first',
    query: { limit: pageLimit(), cursor: cursorText },
    status: 200,
    output: pageOf(versionSummary),
    run: async (app, { query }) => {
      const before = decodeCursor(versionId, null, query.cursor)
      const versions = await listVersions(app.control, { before, limit: query.limit + 1 })
      const items = versions.slice(0, query.limit)
      const last = versions.length > query.limit ? items.at(-1) : undefined
      return { items, next_cursor: last === undefined ? null : encodeCursor(null, last.version_id) }
    },
  }),
  defineEndpoint({
    id: 'versions.store',
    method: 'POST',
    path: '/schema/versions',
    tag: 'Versions',
    scope: 'versions:write',
    summary: 'Store a version',
    description:
      'Storing the same again changes nothing; other content under a known id is refused with both checksums.',
    body: z.strictObject({
      version_id: versionId.optional().describe('Now, in UTC, when absent.'),
      dialect: dialect.default('postgres'),
      description,
      upgrade_sql: z.string().max(SQL_LIMIT),
      downgrade_sql: z.string().max(SQL_LIMIT).nullable().default(null),
      source: z.string().max(1000).optional(),
      source_revision: z.string().max(500).optional(),
    }),
    bodyLimit: 3 * SQL_LIMIT,
    status: 201,
    output: versionSummary,
    errors: ['source_invalid', 'checksum_conflict'],
    location: (version) => `/schema/versions/${version.version_id}`,
    audit: ({ body }, result) => ({ target: `version:${result?.version_id ?? body.version_id ?? 'new'}` }),
    run: (app, { body }) => {
      const version = (id: string) => ({
        versionId: id,
        dialect: body.dialect,
        description: body.description,
        upgradeSql: body.upgrade_sql,
        downgradeSql: body.downgrade_sql,
        source: body.source,
        sourceRevision: body.source_revision,
      })
      return body.version_id === undefined
        ? withNewVersionId(app.control, new Date(), (tx, id) => storeVersion(tx, version(id)))
        : storeVersion(app.control, version(body.version_id))
    },
  }),
  defineEndpoint({
    id: 'versions.get',
    method: 'GET',
    path: '/schema/versions/{version_id}',
    tag: 'Versions',
    scope: 'versions:read',
    summary: 'Show a version with its SQL',
    params: { version_id: versionId },
    status: 200,
    output: versionSummary.extend({ upgrade_sql: z.string(), downgrade_sql: z.string().nullable() }),
    errors: ['not_found'],
    run: async (app, { params }) => {
      const version = await getVersion(app.control, params.version_id)
      return {
        ...version,
        upgrade_bytes: Buffer.byteLength(version.upgrade_sql),
        has_downgrade: version.downgrade_sql !== null,
      }
    },
  }),
]
