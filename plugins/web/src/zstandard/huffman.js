/** Huffman-coded literals, RFC 8878 section 4.2. */
import { BackwardBits, broken } from './bits.js'
import { readTable } from './fse.js'

const MAX_BITS = 11

/**
 * Entries of a table are symbol << 4 | bits, indexed by the next `log` bits of the stream.
 * @typedef {object} HuffmanTable
 * @property {number} log
 * @property {Uint16Array} entries
 */

/**
 * @param {Uint8Array} bytes
 * @param {number} start
 * @param {number} end
 * @returns {{ table: HuffmanTable, at: number }} `at` is the offset behind the table
 */
export function readHuffmanTable(bytes, start, end) {
  if (start >= end) throw broken('is cut off')
  const header = bytes[start++]
  const size = header < 128 ? header : (header - 126) >> 1
  const at = start + size
  if (at > end) throw broken('is cut off')
  const weights = header < 128 ? compressedWeights(bytes, start, at) : directWeights(bytes, start, header - 127)
  return { table: buildHuffmanTable(weights), at }
}

/**
 * @param {Uint8Array} bytes
 * @param {number} start
 * @param {number} count
 */
function directWeights(bytes, start, count) {
  return Array.from({ length: count }, (_, i) => (bytes[start + (i >> 1)] >> (i & 1 ? 0 : 4)) & 15)
}

/**
 * Two states take turns until the bits do not suffice for the next one.
 * @param {Uint8Array} bytes
 * @param {number} start
 * @param {number} end
 */
function compressedWeights(bytes, start, end) {
  const { table, at } = readTable(bytes, start, end, 6, 255)
  const bits = new BackwardBits(bytes, at, end)
  const weights = []
  let state = bits.read(table.log)
  let other = bits.read(table.log)
  if (bits.left < 0) throw broken('has broken Huffman weights')
  while (weights.length < 254) {
    const entry = table.entries[state]
    const size = (entry >> 10) & 15
    weights.push(entry >> 14)
    if (bits.left < size) return [...weights, table.entries[other] >> 14]
    const next = (entry & 1023) + bits.read(size)
    state = other
    other = next
  }
  throw broken('has too many Huffman weights')
}

/** @param {number[]} weights of all symbols but the last, whose weight completes the sum to a power of two */
function buildHuffmanTable(weights) {
  const sum = weights.reduce((sum, weight) => sum + ((1 << weight) >> 1), 0)
  const log = 32 - Math.clz32(sum)
  const rest = (1 << log) - sum
  if (sum === 0 || log > MAX_BITS || (rest & (rest - 1)) !== 0) throw broken('has broken Huffman weights')
  const all = [...weights, 32 - Math.clz32(rest)]
  const entries = new Uint16Array(1 << log)
  let at = 0
  for (let weight = 1; weight <= log; weight++) {
    all.forEach((w, symbol) => {
      if (w === weight) entries.fill((symbol << 4) | (log + 1 - weight), at, (at += 1 << (weight - 1)))
    })
  }
  return { log, entries }
}

/**
 * Decodes one stream of literals, which must be used up.
 * @param {HuffmanTable} table
 * @param {Uint8Array} bytes
 * @param {number} start
 * @param {number} end
 * @param {Uint8Array} out
 * @param {number} from
 * @param {number} to
 */
export function decodeStream({ log, entries }, bytes, start, end, out, from, to) {
  const bits = new BackwardBits(bytes, start, end)
  let left = bits.left
  const down = 32 - log
  // As long as 32 bits are left, 25 or more of them fit into a word: enough for two literals.
  for (; left >= 32 && from + 1 < to; from += 2) {
    const at = (left - 25) >> 3
    const i = start + at
    let word = bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24)
    word <<= 32 - left + 8 * at
    const first = entries[word >>> down]
    word <<= first & 15
    const second = entries[word >>> down]
    left -= (first & 15) + (second & 15)
    out[from] = first >> 4
    out[from + 1] = second >> 4
  }
  for (; from < to; from++) {
    if (left < 0) break
    bits.left = left
    const entry = entries[bits.read(log)]
    out[from] = entry >> 4
    left -= entry & 15
  }
  if (left !== 0) throw broken('has Huffman streams of a wrong length')
}
