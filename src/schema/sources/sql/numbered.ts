/**
 * Numbered files: `001_name.sql`, and `001_name.down.sql` for those that can be undone. Order of the numbers.
 */
import { type Layout, matchName } from './layout.ts'
import { type NamedFile, pairs } from './pairs.ts'

/** `001_x`, `001`, and dates: `2026-01-05_x`; in `001-2fa` the 2 belongs to the name. */
const NAME = /^(\d+(?:[-.]\d+(?![A-Za-z\d]))*)[_.-]?(.*?)(\.down)?\.sql$/s

export const numbered: Layout = {
  name: 'numbered files',
  looks: '001_name.sql, with or without 001_name.down.sql',
  read(files) {
    return pairs(
      files.map((file): NamedFile => {
        const [, number = '', title = '', down] = matchName(file, file.name, NAME, numbered)
        return { file, number, title, direction: down === undefined ? 'up' : 'down' }
      }),
      ({ file }) => file.name.replace(/\.down\.sql$/, '.sql'),
    )
  },
}
