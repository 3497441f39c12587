/** Finite state entropy, RFC 8878 section 4.1. */
import { broken } from './bits.js'

/**
 * A decoding table. For each state: symbol << 14 | bits << 10 | base; the next state is base plus a number of so many
 * bits.
 * @typedef {object} FseTable
 * @property {number} log how many bits a state has
 * @property {Int32Array} entries
 */

/**
 * @param {number[]} counts the probability of each symbol, -1 for "less than 1"
 * @param {number} log
 * @returns {FseTable}
 */
export function buildTable(counts, log) {
  const size = 1 << log
  const symbols = new Uint8Array(size)
  const next = counts.map((count) => Math.max(count, 1))
  let high = size
  for (let s = 0; s < counts.length; s++) if (counts[s] < 0) symbols[--high] = s
  const step = (size >> 1) + (size >> 3) + 3
  let at = 0
  for (let s = 0; s < counts.length; s++) {
    for (let i = 0; i < counts[s]; i++) {
      symbols[at] = s
      do at = (at + step) & (size - 1)
      while (at >= high)
    }
  }
  const entries = new Int32Array(size)
  for (let state = 0; state < size; state++) {
    const symbol = symbols[state]
    const x = next[symbol]++
    const bits = log - 31 + Math.clz32(x)
    entries[state] = (symbol << 14) | (bits << 10) | ((x << bits) - size)
  }
  return { log, entries }
}

/**
 * The table with one state, which always has the same symbol.
 * @param {number} symbol
 * @returns {FseTable}
 */
export function constantTable(symbol) {
  return { log: 0, entries: Int32Array.of(symbol << 14) }
}

/**
 * Reads the description of a table.
 * @param {Uint8Array} bytes
 * @param {number} start
 * @param {number} end
 * @param {number} maxLog
 * @param {number} maxSymbol
 * @returns {{ table: FseTable, at: number }} `at` is the offset behind it
 */
export function readTable(bytes, start, end, maxLog, maxSymbol) {
  let bit = 0
  // Reads n <= 16 bits from the lowest one up; past the end there are zeros, noticed below.
  const peek = (/** @type {number} */ n) => {
    const at = start + (bit >> 3)
    const word = at < end ? bytes[at] | ((bytes[at + 1] | 0) << 8) | ((bytes[at + 2] | 0) << 16) : 0
    return (word >> (bit & 7)) & ((1 << n) - 1)
  }
  const log = peek(4) + 5
  bit = 4
  if (log > maxLog) throw broken('has an FSE table that is too large')
  const counts = []
  let left = 1 << log
  while (left > 0) {
    // A number from 0 to left + 1; the lower ones take one bit less.
    const n = 32 - Math.clz32(left + 1)
    const short = (1 << n) - 2 - left
    let value = peek(n)
    const low = value & ((1 << (n - 1)) - 1)
    if (low < short) {
      value = low
      bit += n - 1
    } else {
      if (value > low) value -= short
      bit += n
    }
    counts.push(value - 1)
    left -= Math.abs(value - 1)
    if (value === 1) {
      let repeat
      do {
        repeat = peek(2)
        bit += 2
        for (let i = 0; i < repeat; i++) counts.push(0)
      } while (repeat === 3 && counts.length <= maxSymbol)
    }
    if (counts.length > maxSymbol + 1 || start + (bit >> 3) > end) throw broken('has a broken FSE table')
  }
  const at = start + ((bit + 7) >> 3)
  if (left < 0 || at > end) throw broken('has a broken FSE table')
  return { table: buildTable(counts, log), at }
}
