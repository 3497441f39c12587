/** Ranks, section 5.2.3 of the specification: an order of the colours in which similar ones share a high nibble. */

const WEIGHTS = [3, 4, 2, 4]

/**
 * The palette index of each rank.
 * @param {Uint8Array} colours
 * @param {number} k
 */
export function rankOrder(colours, k) {
  return Uint8Array.from(tree([...Array(k).keys()], colours))
}

/**
 * Sorts a list along its most varied channel, and then both halves in the same way.
 * @param {number[]} list
 * @param {Uint8Array} colours
 * @returns {number[]}
 */
function tree(list, colours) {
  const n = list.length
  if (n === 1) return list
  const spreads = WEIGHTS.map((weight, channel) => {
    let sum = 0
    let squares = 0
    for (const i of list) {
      const v = colours[4 * i + channel]
      sum += v
      squares += v * v
    }
    return (n * squares - sum * sum) * weight
  })
  const channel = spreads.indexOf(Math.max(...spreads))
  const sorted = [...list].sort((i, j) => colours[4 * i + channel] - colours[4 * j + channel])
  if (n === 2) return sorted
  const half = 1 << (31 - Math.clz32(n - 1))
  return [...tree(sorted.slice(0, half), colours), ...tree(sorted.slice(half), colours)]
}
