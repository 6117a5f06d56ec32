import type { Annotation } from './annotations.ts'

/** In the order in which their statements follow an object. */
export const ANNOTATIONS: readonly Annotation[] = []
