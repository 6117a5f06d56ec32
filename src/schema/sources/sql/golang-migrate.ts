/**
 * golang-migrate: `000001_name.up.sql` and `000001_name.down.sql`. Order of the numbers.
 */
import { type Layout, matchName } from './layout.ts'
import { type NamedFile, pairs } from './pairs.ts'

const NAME = /^(\d+)_(.*)\.(up|down)\.sql$/s

export const golangMigrate: Layout = {
  name: 'golang-migrate',
  looks: '000001_name.up.sql and 000001_name.down.sql',
  read(files) {
    return pairs(
      files.map((file): NamedFile => {
        const [, number = '', title = '', direction = ''] = matchName(file, file.name, NAME, golangMigrate)
        return { file, number, title, direction: direction === 'down' ? 'down' : 'up' }
      }),
      ({ number, title }) => `${number}_${title}.up.sql`,
    )
  },
}
