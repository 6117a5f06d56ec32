/** What describes the API: made once from the table of endpoints, open to everybody, as the code is. */
import { z } from 'zod'
import { defineEndpoint, type AnyEndpoint } from '../api/endpoint.ts'
import { ownVersion } from '../lib/own-version.ts'
import { docsPage } from './docs-page.ts'
import { openApi, type OpenApi } from './openapi.ts'

/** The path of the page to read; it has a content security policy of its own. */
export const DOCS_PATH = '/docs'

interface Documents {
  readonly document: OpenApi
  readonly page: string
}

/** `endpoints` with those that serve their description, and the description. */
export function describeApi(endpoints: readonly AnyEndpoint[]): {
  all: readonly AnyEndpoint[]
  document: OpenApi
} {
  // Their own description is part of what they serve.
  const served = {} as Documents
  const all: readonly AnyEndpoint[] = [...endpoints, documentEndpoint(served), pageEndpoint(served)]
  const document = openApi(all, ownVersion())
  Object.assign(served, { document, page: docsPage(all, document) } satisfies Documents)
  return { all, document }
}

function documentEndpoint(served: Documents): AnyEndpoint {
  return defineEndpoint({
    id: 'docs.openapi',
    method: 'GET',
    path: '/openapi.json',
    summary: 'This API as an OpenAPI 3.1 document',
    tag: 'Documents',
    scope: 'public',
    status: 200,
    output: z.looseObject({ openapi: z.string() }),
    run: async () => served.document,
  })
}

function pageEndpoint(served: Documents): AnyEndpoint {
  return defineEndpoint({
    id: 'docs.page',
    method: 'GET',
    path: DOCS_PATH,
    summary: 'This API as a page to read',
    tag: 'Documents',
    scope: 'public',
    status: 200,
    produces: 'text/html; charset=utf-8',
    output: z.string(),
    run: async () => served.page,
  })
}
