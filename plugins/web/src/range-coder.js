/**
 * The range decoder of the coders `mix`, `max` and `fast`, section 5.2.2 of the specification.
 *
 * Its two numbers are unsigned and use all of their 32 bits. As fields of an object they would be boxed; in a
 * Uint32Array they are not, and the compiler knows that they are integers.
 */
import { KpalError } from './errors.js'

export const CODE = 0
export const RANGE = 1

export class RangeDecoder {
  /**
   * @param {Uint8Array} bytes of a tile
   * @param {Uint32Array} [state] whose first two numbers are the decoder's
   */
  constructor(bytes, state = new Uint32Array(2)) {
    this.bytes = bytes
    this.state = state
    state[RANGE] = 0xffffffff
    /** How many bytes have been read, with the zeros that follow the last byte. */
    this.at = 4
    for (let i = 0; i < 4; i++) this.state[CODE] = (this.state[CODE] << 8) | (i < bytes.length ? bytes[i] : 0)
  }

  /**
   * Goes on with the part of the range that begins at `below` and is `width` wide.
   * @param {number} below
   * @param {number} width
   */
  narrow(below, width) {
    const { state } = this
    let code = (state[CODE] - below) | 0
    let range = width | 0
    // As signed numbers, ranges from 2^31 on are negative: so compare their highest byte.
    while (range >>> 24 === 0) {
      const at = this.at++
      range <<= 8
      // In a damaged file code can exceed range. The shift drops the excess.
      code = (code << 8) | (at < this.bytes.length ? this.bytes[at] : 0)
    }
    state[CODE] = code
    state[RANGE] = range
  }

  /** To be called now and then: an end that is too early is noticed before much is made of it. */
  check() {
    if (this.bytes.length < this.at - 4) this.fail()
  }

  /** To be called after the last pixel: encoders omit zeros, but only from the last four bytes. */
  finish() {
    this.check()
    if (this.bytes.length > this.at) this.fail()
  }

  fail() {
    throw new KpalError(17, `a tile of ${this.bytes.length} bytes, of which ${this.at} were read`)
  }
}

/**
 * Checks the bounds that keep all positions within a tile below 2^27.
 * @param {number} width
 * @param {number} height
 * @param {number} frames
 */
export function checkTileSize(width, height, frames) {
  if (width > 2 ** 22 || (height + 3) * (width + 16) > 2 ** (frames > 1 ? 26 : 27)) {
    throw new KpalError(17, `a tile of ${width} x ${height} pixels`)
  }
}
