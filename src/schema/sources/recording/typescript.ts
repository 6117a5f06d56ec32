/**
 * Lets Node load a project's migrations in TypeScript as the project's own tools (ts-node, tsx, jiti) do: Node itself
 * takes the types out, but wants imports of types to be marked as such, files named in full, and knows either
 * modules or CommonJS where such tools mix both.
 */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { type LoadHookContext, registerHooks, stripTypeScriptTypes } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'

export function loadTypeScript(): void {
  registerHooks({
    resolve(specifier, context, next) {
      const found = nearbyFile(specifier, context.parentURL)
      return found === undefined ? next(specifier, context) : { url: found, shortCircuit: true }
    },
    load(url, context: LoadHookContext, next) {
      const isProjects = url.startsWith('file:') && !url.includes('/node_modules/')
      if (!isProjects || !/\.[mc]?ts$/.test(url) || isOwn(url)) return next(url, context)
      const source = readFileSync(fileURLToPath(url), 'utf8')
      const code = stripTypeScriptTypes(source, { mode: 'transform' })
      if (!MODULE_SYNTAX.test(code)) return { format: 'commonjs', source: code, shortCircuit: true }
      return { format: 'module', source: asModule(code), shortCircuit: true }
    },
  })
}

/** Tenantry's own files are as Node wants them. */
const OWN = new URL('../../../', import.meta.url).href
const isOwn = (url: string): boolean => url.startsWith(OWN)

const MODULE_SYNTAX = /^[ \t]*(?:import\b(?!\s*\()|export\b)/m

/** `./util` as TypeScript means it: util.ts, util/index.ts; `./util.js` for a util.ts. */
function nearbyFile(specifier: string, parent: string | undefined): string | undefined {
  if (!/^\.\.?\//.test(specifier) || parent?.startsWith('file:') !== true || isOwn(parent)) return undefined
  const path = fileURLToPath(new URL(specifier, parent))
  if (existsSync(path) && statSync(path).isFile()) return undefined
  const stem = path.replace(/\.([mc]?)js$/, '.$1ts')
  const candidates = [
    stem,
    ...['.ts', '.js', '.mts', '.cts', '/index.ts', '/index.js'].map((end) => path + end),
  ]
  const found = candidates.find((file) => existsSync(file) && statSync(file).isFile())
  return found === undefined ? undefined : pathToFileURL(found).href
}

const NAMED_IMPORT =
  /^[ \t]*import\s+(?:([\w$]+)\s*,?\s*)?(?:\{([^}]*)\}\s*)?from\s*(['"][^'"\n]+['"])\s*(?:with\s*\{[^}]*\}\s*)?;?/gm

/**
 * The same module with named imports that may be missing: a type leaves nothing behind that could be imported. What
 * CommonJS has and a module has not is there. Lines stay where they are.
 */
function asModule(code: string): string {
  let count = 0
  const rewritten = code.replaceAll(
    NAMED_IMPORT,
    (whole, byDefault: string | undefined, names: string | undefined, from: string) => {
      if (names === undefined && byDefault === undefined) return whole
      const all = `__imported${count++}`
      const picks = (names ?? '')
        .split(',')
        .map((name) => name.trim())
        .filter((name) => name !== '' && !name.startsWith('type '))
        .map((name) => pick(all, name))
      if (byDefault !== undefined)
        picks.push(`${byDefault} = ${all}.default?.__esModule ? ${all}.default.default : ${all}.default`)
      const lines = '\n'.repeat(whole.split('\n').length - 1)
      return `import * as ${all} from ${from};${picks.length === 0 ? '' : ` const ${picks.join(', ')};`}${lines}`
    },
  )
  return commonJsNames(rewritten) + rewritten
}

function pick(all: string, text: string): string {
  const [name = '', local = name] = text.split(/\s+as\s+/)
  const key = name.replaceAll(/^['"]|['"]$/g, '')
  const of = (owner: string): string => `${owner}[${JSON.stringify(key)}]`
  return `${local} = ${of(all)} ?? ${of(`${all}.default?`).replace('?[', '?.[')}`
}

/** What a module lacks and its authors count on, since their tools make CommonJS of it. */
function commonJsNames(code: string): string {
  const missing = (name: string): boolean =>
    new RegExp(`\\b${name}\\b`).test(code) && !new RegExp(`\\b(?:const|let|var)\\s+${name}\\b`).test(code)
  const added = [
    missing('__dirname') ? 'const __dirname = import.meta.dirname;' : '',
    missing('__filename') ? 'const __filename = import.meta.filename;' : '',
    missing('require')
      ? "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);"
      : '',
  ]
  return added.join('')
}
