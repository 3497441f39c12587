import { KpalError } from '../errors.js'

/** @param {string} what */
export function broken(what) {
  return new KpalError(12, `a Zstandard frame ${what}`)
}

/**
 * Frames are decoded from a copy with some zeros around it: so words can be read at the ends of a stream of bits, and
 * in a damaged one even somewhat beyond its beginning.
 */
const MARGIN = 32

/**
 * @param {Uint8Array} bytes
 */
export function withMargins(bytes) {
  const copy = new Uint8Array(bytes.length + 2 * MARGIN)
  copy.set(bytes, MARGIN)
  return { copy, start: MARGIN, end: MARGIN + bytes.length }
}

/** @param {Uint8Array} bytes */
export function viewOf(bytes) {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
}

/**
 * The n <= 25 bits from bit `left` of a stream on.
 * @param {DataView} view
 * @param {number} start of the stream
 * @param {number} left
 * @param {number} n
 */
export function bitsAt(view, start, left, n) {
  return (view.getInt32(start + (left >> 3), true) >>> (left & 7)) & ((1 << n) - 1)
}

/**
 * Reads a stream of bits from its end to its beginning, as FSE and Huffman streams are read. The last byte has a 1
 * above the first bit.
 */
export class BackwardBits {
  /**
   * @param {Uint8Array} bytes
   * @param {number} start
   * @param {number} end
   */
  constructor(bytes, start, end) {
    const last = end > start ? bytes[end - 1] : 0
    if (last === 0) throw broken('has a stream of bits without an end')
    this.view = viewOf(bytes)
    this.start = start
    /** How many bits are left; negative once more are read than there are. */
    this.left = 8 * (end - start) - Math.clz32(last) + 23
  }

  /**
   * A number of at most 25 bits. Those in front of the stream are zeros.
   * @param {number} n
   */
  read(n) {
    const missing = Math.max(0, Math.min(n, n - this.left))
    this.left -= n
    return (bitsAt(this.view, this.start, this.left, n) >>> missing) << missing
  }
}
