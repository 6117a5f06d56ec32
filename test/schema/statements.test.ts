import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { TenantryError } from '../../src/lib/errors.ts'
import { splitStatements } from '../../src/schema/statements.ts'
import { programPath, withProgram } from '../support/programs.ts'
import { errorOf } from './errors.ts'
import { askPsql } from './psql-judge.ts'

const texts = (sql: string): string[] => splitStatements(sql).map((statement) => statement.text)

describe('where statements end', () => {
  const cases: [name: string, sql: string, expected: string[]][] = [
    ['nothing', '', []],
    ['white space and comments only', ' \n-- a;\n/* b; /* c; */ d; */\t', []],
    ['empty statements', ';; ;\n;', []],
    ['without a last semicolon', 'select 1; select 2', ['select 1', 'select 2']],
    ['comments before and after', '-- a\nselect 1 /* b */ -- c\n;', ['select 1']],
    ['single quotes', "select 'a;''b;'; select 2", ["select 'a;''b;'", 'select 2']],
    ['a backslash is no escape in a plain string', "select 'a\\'; select 2", ["select 'a\\'", 'select 2']],
    ['a backslash escapes in E', "select E'a\\';'; select 2", ["select E'a\\';'", 'select 2']],
    ['a doubled quote in E', "select e'a'';\\';'; select 2", ["select e'a'';\\';'", 'select 2']],
    ['a doubled backslash in E', "select e'a\\\\'; select 2", ["select e'a\\\\'", 'select 2']],
    [
      'a string continued on the next line keeps its rule',
      "select E'a' -- c\n  'b\\';'; select 2",
      ["select E'a' -- c\n  'b\\';'", 'select 2'],
    ],
    [
      'a string on the same line does not continue',
      "select E'a' 'b\\'; select 2",
      ["select E'a' 'b\\'", 'select 2'],
    ],
    ['a name that ends in e before a quote', "select type'a\\'; select 2", ["select type'a\\'", 'select 2']],
    [
      'Unicode strings and names',
      `select U&'\\0041;', u&"b;"; select 2`,
      [`select U&'\\0041;', u&"b;"`, 'select 2'],
    ],
    ['bit, hex and national strings', "select b'1;', X'f;', n';'", ["select b'1;', X'f;', n';'"]],
    ['quoted names', 'select "a;""b;"; select 2', ['select "a;""b;"', 'select 2']],
    ['dollar quotes', 'select $$a;$b$;$$; select 2', ['select $$a;$b$;$$', 'select 2']],
    [
      'dollar quotes in dollar quotes',
      'do $a$ x := $$;$$; $a$; select 2',
      ['do $a$ x := $$;$$; $a$', 'select 2'],
    ],
    ['a tag is told by case', 'select $a$;$A$;$a$; select 2', ['select $a$;$A$;$a$', 'select 2']],
    ['a tag of letters beyond ASCII', 'select $é$;$é$; select 2', ['select $é$;$é$', 'select 2']],
    [
      'a dollar inside a name opens nothing',
      'select a$b$ from c$b$; select 2',
      ['select a$b$ from c$b$', 'select 2'],
    ],
    ['parameters', 'select $1; select $2', ['select $1', 'select $2']],
    ['comments nest', 'select /* a /* b */ ; */ 1; select 2', ['select /* a /* b */ ; */ 1', 'select 2']],
    [
      'a comment right after an operator',
      'select 1 +-- ;\n2; select 2 */* ; */3',
      ['select 1 +-- ;\n2', 'select 2 */* ; */3'],
    ],
    ['a quote in a comment', "select 1 -- don't\n; select 2", ['select 1', 'select 2']],
    ['a carriage return ends a comment', 'select 1 -- a\r; select 2', ['select 1', 'select 2']],
    [
      'parentheses',
      'create rule r as on insert to t do also (select 1; select 2); select 3',
      ['create rule r as on insert to t do also (select 1; select 2)', 'select 3'],
    ],
    ['a byte order mark', '\uFEFFselect 1; select 2', ['select 1', 'select 2']],
    ['line ends of Windows', 'select 1;\r\nselect 2;\r\n', ['select 1', 'select 2']],
    ['letters beyond ASCII', 'select é; select 日本$a$', ['select é', 'select 日本$a$']],
  ]
  test.each(cases)('%s', (_name, sql, expected) => {
    expect(texts(sql)).toEqual(expected)
  })
})

describe('BEGIN ATOMIC bodies', () => {
  const kept = [
    'create function f() returns int language sql begin atomic select 1; select 2; end',
    'CREATE OR REPLACE PROCEDURE p() BEGIN ATOMIC INSERT INTO t VALUES (1); DELETE FROM t; END',
    'create function f() returns int begin atomic select case when true then case 1 when 1 then 2 end end; select 2; end',
    'create function f() returns int begin atomic select (case when true then 1 end); select 2; end',
    'create function f() returns int begin -- ;\n atomic select 1; end',
    'create function f() returns int begin atomic select 1 as end; select t.case, t.end from t; end',
    'create function f() returns int begin atomic select "end"; select 1; end',
    'create function begin() returns int language sql as $$select 1;$$',
    'create function f(begin int) returns int language sql return begin + 1',
    'create function f() returns int language plpgsql as $$ begin return 1; end $$',
  ]
  test.each(kept)('%s', (sql) => {
    expect(texts(`${sql}; select 'after'`)).toEqual([sql, "select 'after'"])
  })

  test('begin atomic in other statements means nothing', () => {
    expect(texts('select begin atomic; select 2')).toHaveLength(2)
  })
})

describe('positions', () => {
  test('offsets in UTF-16 units and lines from 1', () => {
    const sql = "-- 😀\nselect '😀\n'; /* a\n */ select 2\n;\n\n  select 3"
    const found = splitStatements(sql)
    expect(found.map(({ line }) => line)).toEqual([2, 4, 7])
    for (const { text, start } of found) expect(sql.slice(start, start + text.length)).toBe(text)
  })
})

describe('what cannot be read', () => {
  test.each([
    ["select 1;\nselect 'a\n", 'unterminated string that begins on line 2'],
    ["select E'a\\'", 'unterminated string that begins on line 1'],
    ['\n\nselect "a', 'unterminated quoted identifier that begins on line 3'],
    ['select 1;\ndo $body$ begin end $$', 'unterminated dollar quote $body$ that begins on line 2'],
    ['/* a /* b */', 'unterminated comment that begins on line 1'],
    ['select 1;\n\\connect other\nselect 2', 'Line 2 has the psql command "\\\\connect other"'],
    ['\\restrict abc', 'Line 1 has the psql command'],
    ["select 1;\ncopy t (a, b) from stdin;\n1\tdon't\n\\.\n", 'COPY … FROM STDIN on line 2'],
    ['copy (select 1) to STDOUT', 'COPY … TO STDOUT on line 1'],
    ['select 1;\nselect \0 2', 'Line 2 has a NUL character'],
    ["select '\ud800'", 'half of a surrogate pair'],
  ])('%j', async (sql, expected) => {
    const error = await errorOf(() => splitStatements(sql))
    expect(error.code).toBe('invalid_input')
    expect(error.message).toContain(expected)
  })

  test('COPY with files and programs is left to the server', () => {
    expect(texts("copy t from '/tmp/a.csv'; copy t to program 'cat'")).toHaveLength(2)
    expect(texts('select from_stdin from stdin')).toHaveLength(1)
  })
})

/** Pieces of SQL that are balanced whatever stands inside of their quotes. */
const balanced = fc.letrec<{ piece: string; body: string }>((tie) => ({
  body: fc.array(tie('piece'), { maxLength: 4 }).map((pieces) => pieces.join(' ')),
  piece: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom('select', 'x', '1', '+', '.', 'E', 'begin', 'end', 'é', '\n', '\t', ','),
    tie('body').map((body) => `'${body.replaceAll("'", "''")};'`),
    // The operator keeps a string on the next line from being a continuation.
    tie('body').map((body) => `E'${body.replaceAll('\\', '\\\\').replaceAll("'", "\\'")};\\n' ||`),
    tie('body').map((body) => `"${body.replaceAll('"', '""')};"`),
    fc.tuple(fc.stringMatching(/^[a-z]{0,3}$/), tie('body')).map(([tag, body]) => {
      const quote = `$${tag}x${'q'.repeat(body.length)}$`
      return `${quote}${body};${quote}`
    }),
    tie('body').map((body) => `/* ${body.replaceAll(/\/\*|\*\//g, '')} ; /* ; */ */`),
    tie('body').map((body) => `(${body};)`),
    tie('body').map((body) => `-- ${body.replaceAll(/[\r\n]/g, '')};\n`),
  ),
})).body

describe('properties', () => {
  test('statements put together are found again, whatever their quotes hold', () => {
    fc.assert(
      fc.property(fc.array(balanced, { maxLength: 6 }), (bodies) => {
        const statements = bodies.map((body) => `select ${body}\nas z`)
        const found = texts(statements.join('\n;'))
        expect(found).toEqual(statements)
      }),
      { numRuns: 1000 },
    )
  })

  test('splitting a statement again changes nothing, and nothing but space and comments is left out', () => {
    fc.assert(
      fc.property(fc.array(balanced, { maxLength: 6 }), (bodies) => {
        const sql = bodies.join(';')
        const found = splitStatements(sql)
        for (const { text } of found) expect(texts(text)).toEqual([text])
        const starts = found.map(({ start }) => start)
        const ends = found.map(({ start, text }) => start + text.length)
        const gaps = [0, ...ends].map((end, index) => sql.slice(end, starts[index]))
        for (const gap of gaps) expect(texts(gap)).toEqual([])
      }),
      { numRuns: 1000 },
    )
  })
})

/** Fragments that open, close and continue everything, in any order. */
const fragment = fc.constantFrom(
  ..."' '' \" $$ $a$ $A$ $ $1 /* */ -- - / * ; ; ; ( ) e E e' u& n x 1 _ é , + <> @ as . select".split(' '),
  "E'\\'",
  "\\'",
  '\n',
  '\r',
  ' ',
  '\t',
  'create',
  'or replace',
  'function',
  'procedure f()',
  'begin atomic\n',
  '\nend',
  ' case ',
  'create function ',
)

withProgram('psql').test('random text is cut where psql cuts it', async () => {
  const documents = fc
    .sample(fc.array(fragment, { minLength: 1, maxLength: 25 }), { numRuns: 3000, seed: 20260112 })
    .map((parts) => parts.join(''))
    // psql takes `end` and `case` for keywords even as names.
    .filter((text) => !/(?:as|\.)\s*(?:case|end)/.test(text))
    .filter(isReadable)
    .slice(0, 600)
  const answers = await askPsql(programPath('psql'), documents)
  // psql leaves out empty lines; what it sends is one statement with comments around it.
  const flat = (found: string[]): string[] => found.map((text) => text.replaceAll(/\n+/g, '\n'))
  expect(answers.map((sent) => flat(sent.flatMap(texts)))).toEqual(documents.map((text) => flat(texts(text))))
  expect(answers.flat().length).toBeGreaterThan(500)
})

function isReadable(text: string): boolean {
  try {
    splitStatements(text)
    return true
  } catch (thrown) {
    if (thrown instanceof TenantryError && thrown.code === 'invalid_input') return false
    throw thrown
  }
}

test('the line that ends a script of psql at the first error may stand on top', () => {
  expect(texts('-- a plan\n\\set ON_ERROR_STOP on\nselect 1;\nselect 2;')).toEqual(['select 1', 'select 2'])
  expect(() => texts('select 1;\n\\set ON_ERROR_STOP on\nselect 2')).toThrow(/Line 2 has the psql command/)
  expect(() => texts('\\set ON_ERROR_STOP off\nselect 2')).toThrow(/Line 1 has the psql command/)
})
