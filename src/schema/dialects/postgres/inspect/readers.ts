/** All kinds of objects that are read, one file each. */
import type { Annotator, Reader } from './reader.ts'
import { columns } from './columns.ts'
import { constraints } from './constraints.ts'
import { foreignDataWrappers, foreignServers, userMappings } from './foreign.ts'
import { grants, grantsOfOthers, sequenceGrants, sequenceGrantsOfOthers } from './access.ts'
import { comments, extensionLinks, indexComments, notNullComments } from './comments.ts'
import { indexes } from './indexes.ts'
import { OTHER_READERS } from './other-readers.ts'
import { schemas } from './schemas.ts'
import { sequences } from './sequences.ts'
import { statistics } from './statistics.ts'
import { tables } from './tables.ts'

export const READERS: readonly Reader[] = [
  schemas,
  tables,
  columns,
  constraints,
  indexes,
  sequences,
  statistics,
  foreignDataWrappers,
  foreignServers,
  userMappings,
  ...OTHER_READERS,
]

/** Comments and grants: properties of whatever they stand on. */
export const ANNOTATORS: readonly Annotator[] = [
  comments,
  indexComments,
  notNullComments,
  extensionLinks,
  grants,
  grantsOfOthers,
  sequenceGrants,
  sequenceGrantsOfOthers,
]
