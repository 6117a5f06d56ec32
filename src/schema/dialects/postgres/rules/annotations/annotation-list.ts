import { acl, sequenceAcl } from './access.ts'
import type { Annotation } from './annotation.ts'
import { aclOfOthers, sequenceAclOfOthers } from './grants-of-others.ts'
import { comment, goesWith, indexComment, notNullComment } from './comments.ts'

/** In the order in which their statements follow an object. */
export const ANNOTATIONS: readonly Annotation[] = [
  comment,
  indexComment,
  notNullComment,
  goesWith,
  acl,
  aclOfOthers,
  sequenceAcl,
  sequenceAclOfOthers,
]
