/** All kinds of objects that are read, one file each. */
import type { Annotator, Reader } from './reader.ts'
import { schemas } from './schemas.ts'

export const READERS: readonly Reader[] = [schemas]

/** Comments and grants: properties of whatever they stand on. */
export const ANNOTATORS: readonly Annotator[] = []
