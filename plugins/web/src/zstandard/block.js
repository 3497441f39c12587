/** Compressed blocks, RFC 8878 section 3.1.1.3. */
import { BackwardBits, bitsAt, broken, viewOf } from './bits.js'
import { buildTable, constantTable, readTable } from './fse.js'
import { decodeFourStreams, decodeStream, readHuffmanTable } from './huffman.js'

export const MAX_BLOCK = 131072

/** Greater offsets do not fit into 31 bits, and into no array that is in use. */
const MAX_OFFSET_CODE = 29

const WORD = 4 // bytes that are copied at a time
const LONG = 64 // from this many bytes on, methods of arrays copy faster

/** @typedef {import('./fse.js').FseTable} FseTable */

/**
 * The three kinds of codes of a sequence: at most `log` bits of state and `extra.length` codes, each with a base and a
 * number of extra bits.
 * @param {number} log
 * @param {number} first the base of code 0
 * @param {number[]} extra
 * @param {number} defaultLog
 * @param {number[]} defaults
 */
function kind(log, first, extra, defaultLog, defaults) {
  const base = new Int32Array(extra.length)
  extra.forEach((_, i) => (base[i] = i ? base[i - 1] + (1 << extra[i - 1]) : first))
  return { log, extra: Uint8Array.from(extra), base, defaults: buildTable(defaults, defaultLog) }
}

/**
 * @param {number} count
 * @param {number} value
 * @returns {number[]}
 */
const repeat = (count, value) => Array(count).fill(value)
const EXTRA = [1, 1, 1, 1, 2, 2, 3, 3, 4]
const LONG_EXTRA = [7, 8, 9, 10, 11, 12, 13, 14, 15, 16]

function makeKinds() {
  return {
    literals: kind(9, 0, [...repeat(16, 0), ...EXTRA, 6, ...LONG_EXTRA], 6, [
      4, 3, ...repeat(11, 2), 1, 1, 1, ...repeat(9, 2), 3, 2, ...repeat(5, 1), ...repeat(4, -1),
    ]),
    // Code n of an offset has n extra bits and base 2^n.
    offset: kind(8, 1, [...Array(32).keys()], 5, [...repeat(6, 1), 2, 2, 2, ...repeat(15, 1), ...repeat(5, -1)]),
    match: kind(9, 3, [...repeat(32, 0), ...EXTRA, 4, 5, ...LONG_EXTRA], 6, [
      1, 4, 3, ...repeat(6, 2), ...repeat(37, 1), ...repeat(7, -1),
    ]),
  }
}

/** @type {ReturnType<typeof makeKinds> | undefined} */
let kinds

/** Decodes blocks one after the other; each may use the tables and the output of those before. */
export class BlockDecoder {
  /**
   * @param {Uint8Array} bytes
   * @param {Uint8Array} out
   */
  constructor(bytes, out) {
    kinds ??= makeKinds()
    this.bytes = bytes
    this.view = viewOf(bytes)
    this.out = out
    /** How much of the output there is. */
    this.length = 0
    this.literals = new Uint8Array(Math.min(out.length, MAX_BLOCK) + WORD)
    this.literalsView = viewOf(this.literals)
    this.outView = viewOf(out)
    this.literalsLength = 0
    /** @type {import('./huffman.js').HuffmanTable | null} */
    this.huffman = null
    /** @type {Record<keyof ReturnType<typeof makeKinds>, FseTable | null>} */
    this.tables = { literals: null, offset: null, match: null }
    // The last three offsets, the latest first.
    this.recent = 1
    this.recent2 = 4
    this.recent3 = 8
  }

  /**
   * @param {number} start
   * @param {number} end
   */
  compressed(start, end) {
    const at = this.readLiterals(start, end)
    this.readSequences(at, end)
  }

  /**
   * Decodes the literals, and returns the offset of the sequences.
   * @param {number} start
   * @param {number} end
   */
  readLiterals(start, end) {
    const { bytes } = this
    const type = bytes[start] & 3
    const format = (bytes[start] >> 2) & 3
    if (type < 2) return this.plainLiterals(start, end, type, format)
    const headerSize = format < 2 ? 3 : format + 2
    if (start + headerSize > end) throw broken('is cut off')
    let header = 0
    for (let i = headerSize - 1; i >= 0; i--) header = header * 256 + bytes[start + i] // up to 40 bits
    const width = [10, 10, 14, 18][format]
    const length = Math.floor(header / 16) % 2 ** width
    let at = start + headerSize
    const stop = at + Math.floor(header / 2 ** (4 + width))
    this.setLiterals(length)
    if (stop > end) throw broken('is cut off')
    if (type === 2) {
      const { table, at: behind } = readHuffmanTable(bytes, at, stop)
      this.huffman = table
      at = behind
    }
    if (!this.huffman) throw broken('lacks a Huffman table')
    if (format === 0) decodeStream(this.huffman, new BackwardBits(bytes, at, stop), this.literals, 0, length)
    else decodeFourStreams(this.huffman, this.fourStreams(at, stop), this.literals, length)
    return stop
  }

  /**
   * Raw literals (type 0), or one that is repeated (type 1).
   * @param {number} start
   * @param {number} end
   * @param {number} type
   * @param {number} format
   */
  plainLiterals(start, end, type, format) {
    const { bytes } = this
    const at = start + [1, 2, 1, 3][format]
    if (at > end) throw broken('is cut off')
    const header = bytes[start] | (bytes[start + 1] << 8) | (bytes[start + 2] << 16)
    const length = [(header >> 3) & 31, (header >> 4) & 4095, (header >> 3) & 31, (header >> 4) & 0xfffff][format]
    const stop = at + (type === 0 ? length : 1)
    if (stop > end) throw broken('is cut off')
    this.setLiterals(length)
    if (type === 0) this.literals.set(bytes.subarray(at, stop))
    else this.literals.fill(bytes[at], 0, length)
    return stop
  }

  /** @param {number} length */
  setLiterals(length) {
    if (length + WORD > this.literals.length) throw broken('has more literals than content')
    this.literalsLength = length
  }

  /**
   * @param {number} start
   * @param {number} end
   */
  fourStreams(start, end) {
    const { bytes } = this
    let from = start + 6
    if (from > end || 3 * ((this.literalsLength + 3) >> 2) > this.literalsLength) throw broken('is cut off')
    return [0, 2, 4, 6].map((i) => {
      const to = i < 6 ? from + (bytes[start + i] | (bytes[start + i + 1] << 8)) : end
      if (to > end) throw broken('is cut off')
      const stream = new BackwardBits(bytes, from, to)
      from = to
      return stream
    })
  }

  /**
   * @param {number} at
   * @param {number} end
   */
  readSequences(at, end) {
    const { bytes } = this
    if (at >= end) throw broken('is cut off')
    let count = bytes[at++]
    if (count >= 128) {
      const size = count < 255 ? 1 : 2
      if (at + size > end) throw broken('is cut off')
      count = size === 1 ? ((count - 128) << 8) | bytes[at] : (bytes[at] | (bytes[at + 1] << 8)) + 0x7f00
      at += size
    }
    if (count === 0) {
      if (at !== end) throw broken('has bytes behind its sequences')
      this.copyLiterals(0, this.literalsLength)
      return
    }
    if (at >= end) throw broken('is cut off')
    const modes = bytes[at++]
    if (modes & 3) throw broken('uses a reserved bit')
    at = this.readKind('literals', modes >> 6, at, end)
    at = this.readKind('offset', (modes >> 4) & 3, at, end)
    at = this.readKind('match', (modes >> 2) & 3, at, end)
    this.sequences(count, new BackwardBits(bytes, at, end))
  }

  /**
   * @param {keyof ReturnType<typeof makeKinds>} name
   * @param {number} mode
   * @param {number} at
   * @param {number} end
   */
  readKind(name, mode, at, end) {
    const { log, extra, defaults } = /** @type {ReturnType<typeof makeKinds>} */ (kinds)[name]
    if (mode === 0) this.tables[name] = defaults
    else if (mode === 1) {
      if (at >= end || this.bytes[at] >= extra.length) throw broken('has a broken table')
      this.tables[name] = constantTable(this.bytes[at++])
    } else if (mode === 2) {
      const read = readTable(this.bytes, at, end, log, extra.length - 1)
      this.tables[name] = read.table
      at = read.at
    } else if (!this.tables[name]) throw broken('repeats a table that it lacks')
    return at
  }

  /**
   * Decodes and executes the sequences. This is where most of the time goes: numbers are kept in local variables, and
   * the next states are loaded before the copies, whose ends the processor often mispredicts.
   * @param {number} count
   * @param {BackwardBits} bits
   */
  sequences(count, bits) {
    const { literals, match } = /** @type {ReturnType<typeof makeKinds>} */ (kinds)
    const { view, tables, out, outView, literalsView, literalsLength } = this
    const { start } = bits
    const lt = /** @type {FseTable} */ (tables.literals).entries
    const ot = /** @type {FseTable} */ (tables.offset).entries
    const mt = /** @type {FseTable} */ (tables.match).entries
    let l = lt[bits.read(/** @type {FseTable} */ (tables.literals).log)]
    let o = ot[bits.read(/** @type {FseTable} */ (tables.offset).log)]
    let m = mt[bits.read(/** @type {FseTable} */ (tables.match).log)]
    let { left } = bits
    let { recent, recent2, recent3 } = this
    let used = 0
    let at = this.length
    while (count > 0) {
      let n = o >> 14
      if (n > MAX_OFFSET_CODE) throw broken('refers to bytes in front of its content')
      let offset = (1 << n) - 3 // the values 1 to 3, here -2 to 0, mean one of the last three offsets
      if (n > 25) {
        // A word is sure to have 25 bits.
        left -= n - 16
        offset += bitsAt(view, start, left, n - 16) << 16
        n = 16
      }
      left -= n
      offset += bitsAt(view, start, left, n)
      // Most codes have no extra bits: these go up in steps of one.
      let length = (m >> 14) + 3
      if (length > 34) {
        n = match.extra[m >> 14]
        left -= n
        length = match.base[m >> 14] + bitsAt(view, start, left, n)
      }
      let run = l >> 14
      if (run > 15) {
        n = literals.extra[run]
        left -= n
        run = literals.base[run] + bitsAt(view, start, left, n)
      }
      if (offset > 0) {
        recent3 = recent2
        recent2 = recent
        recent = offset
      } else {
        if (run === 0) offset++ // ... or, without literals, one further back; at the end, the last one less 1
        if (offset !== -2) {
          const before = recent
          recent = offset === -1 ? recent2 : offset === 0 ? recent3 : before - 1
          if (offset > -1) recent3 = recent2
          recent2 = before
        }
      }
      offset = recent
      if (--count > 0) {
        const nl = (l >> 10) & 15
        n = (m >> 10) & 15
        left -= nl + n
        const word = view.getInt32(start + (left >> 3), true) >>> (left & 7)
        l = lt[(l & 1023) + ((word >>> n) & ((1 << nl) - 1))]
        m = mt[(m & 1023) + (word & ((1 << n) - 1))]
        n = (o >> 10) & 15
        left -= n
        o = ot[(o & 1023) + bitsAt(view, start, left, n)]
        if (left < 0) throw broken('has too few sequences')
      }
      if (used + run > literalsLength) throw broken('has too few literals')
      const to = at + run
      const end = to + length
      if (end + WORD > out.length || offset < WORD || offset > to || length > LONG) {
        this.length = at
        this.copyLiterals(used, used + run)
        this.copyMatch(offset, length)
      } else {
        copyWords(literalsView, used, outView, at, to)
        copyWords(outView, to - offset, outView, to, end)
      }
      used += run
      at = end
    }
    if (left !== 0) throw broken('has sequences of a wrong length')
    this.length = at
    this.recent = recent
    this.recent2 = recent2
    this.recent3 = recent3
    this.copyLiterals(used, literalsLength)
  }

  /**
   * @param {number} from
   * @param {number} to
   */
  copyLiterals(from, to) {
    const { out, literals } = this
    let at = this.length
    const end = (this.length = at + to - from)
    if (end > out.length) throw broken('has more content than declared')
    if (to - from > LONG) out.set(literals.subarray(from, to), at)
    else for (; from < to; from++) out[at++] = literals[from]
  }

  /**
   * @param {number} offset
   * @param {number} length
   */
  copyMatch(offset, length) {
    const { out } = this
    let at = this.length
    const end = (this.length = at + length)
    if (end > out.length) throw broken('has more content than declared')
    if (offset > at || offset < 1) throw broken('refers to bytes in front of its content')
    if (length > LONG && offset >= length) out.copyWithin(at, at - offset, end - offset)
    else if (length > LONG && offset === 1) out.fill(out[at - 1], at, end)
    else for (let from = at - offset; at < end; ) out[at++] = out[from++]
  }
}

/**
 * Copies one word or more, and up to WORD bytes more than asked for.
 * @param {DataView} source
 * @param {number} from
 * @param {DataView} out
 * @param {number} at
 * @param {number} end
 */
function copyWords(source, from, out, at, end) {
  do {
    out.setInt32(at, source.getInt32(from, true), true)
    at += WORD
    from += WORD
  } while (at < end)
}
