/** Numbers, of which the first by an order of one's own is at hand. */
export class Heap {
  readonly #items: number[] = []
  readonly #before: (a: number, b: number) => boolean

  constructor(before: (a: number, b: number) => boolean) {
    this.#before = before
  }

  push(item: number): void {
    const items = this.#items
    let at = items.push(item) - 1
    while (at > 0) {
      const up = (at - 1) >> 1
      if (!this.#before(item, items[up] as number)) break
      items[at] = items[up] as number
      at = up
    }
    items[at] = item
  }

  pop(): number | undefined {
    const items = this.#items
    const first = items[0]
    const last = items.pop()
    if (items.length === 0 || last === undefined) return first
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= items.length) break
      if (child + 1 < items.length && this.#before(items[child + 1] as number, items[child] as number))
        child++
      if (!this.#before(items[child] as number, last)) break
      items[at] = items[child] as number
      at = child
    }
    items[at] = last
    return first
  }
}
