/** Rails: `schema_migrations` with a row per version, as dbmate has it. */
import { dbmate } from './dbmate.ts'
import type { NativeLedger } from './ledger.ts'

export const rails: NativeLedger = { ...dbmate, tool: 'rails' }
