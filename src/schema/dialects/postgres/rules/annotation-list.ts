import { acl, sequenceAcl } from './access.ts'
import type { Annotation } from './annotations.ts'
import { comment, goesWith, indexComment } from './comments.ts'

/** In the order in which their statements follow an object. */
export const ANNOTATIONS: readonly Annotation[] = [comment, indexComment, goesWith, acl, sequenceAcl]
