/** Data that the second version's constraints do not allow, put into some tenants and taken out again. */
import type { App } from '../../api/app.ts'
import { addressOf, connectServer, getServer } from '../../registry/servers.ts'

interface Mishap {
  readonly plant: string
  readonly mend: string
}

const DUPLICATE_PHONE: Mishap = {
  plant: `update public.customers set phone = (select phone from public.customers where id = 1) where id = 2`,
  mend: `update public.customers set phone = phone || ' ext. 2' where id = 2`,
}

const NEGATIVE_PAYMENT: Mishap = {
  plant: `update public.payments set amount = -amount where id = 1`,
  mend: `update public.payments set amount = abs(amount) where id = 1`,
}

const AT_ONCE = 4

/** Every third tenant gets another mishap than the others, so that there are two kinds of errors. */
function mishapOf(index: number): Mishap {
  return index % 3 === 2 ? NEGATIVE_PAYMENT : DUPLICATE_PHONE
}

/** @param databases of the tenants concerned, always in the same order. */
export async function plantMishaps(app: App, server: string, databases: readonly string[]): Promise<void> {
  await inEach(app, server, databases, (index) => mishapOf(index).plant)
}

export async function mendMishaps(app: App, server: string, databases: readonly string[]): Promise<void> {
  await inEach(app, server, databases, (index) => mishapOf(index).mend)
}

async function inEach(
  app: App,
  server: string,
  databases: readonly string[],
  sqlFor: (index: number) => string,
): Promise<void> {
  const address = await addressOf(app.control, app.keyring, await getServer(app.control, server))
  const queue = databases.entries()
  const work = async (): Promise<void> => {
    for (const [index, database] of queue) {
      const client = await connectServer(address, database)
      try {
        await client.query(sqlFor(index))
      } finally {
        await client.end()
      }
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
}
