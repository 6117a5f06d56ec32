/** Who waits for each other in a graph. */

/**
 * The strongly connected nodes, each node in one list: Tarjan's algorithm, with a path of its own instead of the stack.
 * @param next for each node those that its edges lead to
 */
export function circlesOf(next: readonly (readonly number[])[]): number[][] {
  const index = next.map(() => -1)
  const low = next.map(() => 0)
  const open: number[] = []
  const isOpen = next.map(() => false)
  const result: number[][] = []
  let count = 0
  const enter = (node: number): { node: number; at: number } => {
    index[node] = low[node] = count++
    open.push(node)
    isOpen[node] = true
    return { node, at: 0 }
  }
  for (const start of next.keys()) {
    if (index[start] !== -1) continue
    const path = [enter(start)]
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const { node } = top
      const other = next[node]?.[top.at++]
      if (other === undefined) {
        path.pop()
        const above = path.at(-1)?.node
        if (above !== undefined) low[above] = Math.min(low[above] as number, low[node] as number)
        if (low[node] !== index[node]) continue
        const members = open.splice(open.lastIndexOf(node))
        for (const member of members) isOpen[member] = false
        result.push(members)
      } else if (index[other] === -1) path.push(enter(other))
      else if (isOpen[other] === true) low[node] = Math.min(low[node] as number, index[other] as number)
    }
  }
  return result
}
