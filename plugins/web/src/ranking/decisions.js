/** The decisions of the coder `fast`, section 5.3.1 of the specification: flags, raw bits, and symbols from 0 to 15. */
import { CODE, RANGE, RangeDecoder } from '../range-coder.js'

const COUNT_BITS = 6
const MOST_FLAGS = 60
const MOST_SYMBOLS = 250
const FLAG_RATES = Int32Array.from({ length: MOST_FLAGS + 1 }, (_, i) => 131072 / (2 * i + 5))
const SYMBOL_RATES = Int32Array.from({ length: MOST_SYMBOLS + 1 }, (_, i) => 65536 / (i + 12))

/**
 * The context of a flag in one number: its probability p of a 1, in units of 1/65536, and how often it was used.
 * @param {number} p
 * @param {number} [count]
 */
export function flagContext(p, count = 0) {
  return (p << COUNT_BITS) | count
}

/** The state of the range decoder with all contexts behind it. */
export class Decisions extends RangeDecoder {
  /** @param {number} i which context */
  flag(i) {
    const { state } = this
    const context = state[i]
    const p = context >> COUNT_BITS
    const count = context & ((1 << COUNT_BITS) - 1)
    const rate = FLAG_RATES[count]
    const next = count < MOST_FLAGS ? count + 1 : count
    const range = state[RANGE]
    const bound = Math.imul(range >>> 16, p) >>> 0
    if (state[CODE] < bound) {
      state[i] = ((p + (Math.imul(65536 - p, rate) >> 16)) << COUNT_BITS) | next
      this.narrow(0, bound)
      return 1
    }
    state[i] = ((p - (Math.imul(p, rate) >> 16)) << COUNT_BITS) | next
    this.narrow(bound, range - bound)
    return 0
  }

  /**
   * A number of b bits, all equally likely.
   * @param {number} b
   */
  raw(b) {
    const { state } = this
    const unit = state[RANGE] >>> b
    const v = Math.min((state[CODE] / unit) >>> 0, (1 << b) - 1)
    this.narrow(Math.imul(unit, v), unit)
    return v
  }

  /**
   * Instead of dividing code by the unit, this multiplies the ends of the distribution.
   * @param {number} i which distribution
   */
  symbol(i) {
    const { state: d } = this
    const at = i << 4
    const code = d[CODE]
    const range = d[RANGE]
    const unit = range >>> 15
    let s = Math.imul(unit, d[at + 7]) >>> 0 <= code ? 8 : 0
    if (Math.imul(unit, d[at + s + 3]) >>> 0 <= code) s += 4
    if (Math.imul(unit, d[at + s + 1]) >>> 0 <= code) s += 2
    if (Math.imul(unit, d[at + s]) >>> 0 <= code) s += 1
    const below = s === 0 ? 0 : Math.imul(unit, d[at + s - 1])
    const end = s === 15 ? range | 0 : Math.imul(unit, d[at + s])
    this.adapt(at, s)
    this.narrow(below, (end - below) | 0)
    return s
  }

  /**
   * @param {number} at
   * @param {number} s
   */
  adapt(at, s) {
    const { state: d } = this
    const count = d[at + 15]
    const rate = SYMBOL_RATES[count]
    if (count < MOST_SYMBOLS) d[at + 15] = count + 1
    for (let j = 0; j < 15; j++) {
      // 4(j + 1) if j < s, else 32767 - 4(15 - j), without a branch
      const goal = 4 * j + 4 + (~((j - s) >> 31) & 32703)
      d[at | j] += Math.imul(goal - d[at | j], rate) >> 16
    }
  }
}
