/** Huffman-coded literals, RFC 8878 section 4.2. */
import { BackwardBits, broken } from './bits.js'
import { readTable } from './fse.js'

const MAX_BITS = 11

/**
 * Entries of a table are symbol << 5 | bits, indexed by the next `log` bits of the stream.
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
  // Where the entries of each weight begin: those of the lowest weight are first.
  const starts = new Int32Array(log + 2)
  for (const weight of all) starts[weight + 1] += (1 << weight) >> 1
  for (let weight = 1; weight <= log; weight++) starts[weight] += starts[weight - 1]
  const entries = new Uint16Array(1 << log)
  all.forEach((weight, symbol) => {
    if (weight === 0) return
    const end = starts[weight] + (1 << (weight - 1))
    for (let i = starts[weight]; i < end; i++) entries[i] = (symbol << 5) | (log + 1 - weight)
    starts[weight] = end
  })
  return { log, entries }
}

/**
 * Decodes one stream of literals, which must be used up.
 * @param {HuffmanTable} table
 * @param {BackwardBits} bits
 * @param {Uint8Array} out
 * @param {number} from
 * @param {number} to
 */
export function decodeStream({ log, entries }, bits, out, from, to) {
  for (; bits.left >= 25 && from + 1 < to; from += 2) bits.left -= decodePair(entries, 32 - log, bits, bits.left, out, from)
  for (; from < to && bits.left >= 0; from++) {
    const { left } = bits
    const entry = entries[bits.read(log)]
    out[from] = entry >> 5
    bits.left = left - (entry & 31)
  }
  if (bits.left !== 0) throw broken('has Huffman streams of a wrong length')
}

/**
 * Decodes four streams, each a quarter of the literals. They take turns, because the processor can decode two literals of
 * one while it still waits for those of another.
 * @param {HuffmanTable} table
 * @param {BackwardBits[]} streams
 * @param {Uint8Array} out
 * @param {number} length
 */
export function decodeFourStreams(table, streams, out, length) {
  const { entries } = table
  const down = 32 - table.log
  const quarter = (length + 3) >> 2
  const { 0: a, 1: b, 2: c, 3: d } = streams
  let at = 0
  let left = a.left
  let left2 = b.left
  let left3 = c.left
  let left4 = d.left
  for (; at + 3 * quarter + 1 < length && Math.min(left, left2, left3, left4) >= 25; at += 2) {
    left -= decodePair(entries, down, a, left, out, at)
    left2 -= decodePair(entries, down, b, left2, out, at + quarter)
    left3 -= decodePair(entries, down, c, left3, out, at + 2 * quarter)
    left4 -= decodePair(entries, down, d, left4, out, at + 3 * quarter)
  }
  a.left = left
  b.left = left2
  c.left = left3
  d.left = left4
  streams.forEach((bits, i) => decodeStream(table, bits, out, i * quarter + at, Math.min((i + 1) * quarter, length)))
}

/**
 * Decodes two literals of a stream with 25 or more bits left. Returns how many bits they take.
 * @param {Uint16Array} entries
 * @param {number} down 32 less the bits of an index
 * @param {BackwardBits} bits
 * @param {number} left
 * @param {Uint8Array} out
 * @param {number} at
 */
function decodePair(entries, down, { view, start }, left, out, at) {
  const word = view.getInt32(start + ((left - 25) >> 3), true) << (-left & 7)
  const first = entries[word >>> down]
  // Shifts take the lowest five bits of a number, which are the length of the code.
  const second = entries[(word << first) >>> down]
  out[at] = first >> 5
  out[at + 1] = second >> 5
  return (first + second) & 31
}
