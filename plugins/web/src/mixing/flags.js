/** Flags, section 5.2.6 of the specification: whether a pixel, or a whole span of pixels, is as expected. */
import { CODE, RANGE } from '../range-coder.js'
import { LEVEL } from '../level.js'
import { combine, hashFlag, pack } from './hash.js'
import { NONE } from './match.js'
import { same } from './neighbourhood.js'
import { after, bitLength, EXP, FLAG_DECAY, FLAG_RATE, limit } from './tables.js'

const MASK = 0x7fffffff
const KEYS = 6
const MOST = 98
const MARK = 1 << 20 // distinguishes the keys of spans from those of single pixels

export class FlagModel {
  /**
   * @param {import('../range-coder.js').RangeDecoder} decoder
   * @param {import('./neighbourhood.js').Neighbourhood} around
   * @param {import('./match.js').MatchModel} match
   */
  constructor(decoder, around, match) {
    this.decoder = decoder
    this.around = around
    this.match = match
    this.change = 0
    this.failedUntil = 0
    this.spans = 0
    this.bits = Math.min(around.frames > 1 ? 16 : 13, Math.max(8, bitLength(around.width * around.height * around.frames)))
    // A slot is four numbers: the logarithms of no and of yes, a count, and an unused one.
    this.slots = new Int16Array((KEYS << this.bits) * 4)
    this.slots.set([-2191, -380])
    for (let done = 4; done < this.slots.length; done *= 2) this.slots.copyWithin(done, 0, done)
    this.coarse = new Int32Array(32 * 8).fill(12452)
    this.fine = new Int32Array(2048 * 8)
    this.keys = new Int32Array(KEYS)
    this.used = new Int32Array(KEYS)
    this.stretch = new Int32Array(KEYS)
  }

  startRow() {
    this.change = 0
    this.failedUntil = 0
  }

  /** Finds the next column in the row above that differs from N, two or more columns ahead. */
  findChange() {
    const { cells, at, x, n, stride, width } = this.around
    if (this.change >= x + 2) return
    const above = at - stride - x
    let column = x + 2
    while (column < width && cells[above + column] === n) column++
    this.change = column
  }

  /**
   * Tries to decode a span of pixels that are all W, if the next pixels may be one. Returns how many there are, 0 if
   * none. `findChange` must have been called.
   * @param {import('./frames.js').LaterFrames | null} later in frames after the first
   */
  span(later) {
    const { around, match } = this
    const { x, width, flat } = around
    if (!flat || x < this.failedUntil) return 0
    const span = this.change >= width ? width - x : this.change - 1 - x
    if (span < 4) return 0
    const size = LEVEL[Math.min(span, 4095)]
    const follows = match.follows(span)
    this.setSpanKeys(size, this.isAbove(span), follows)
    if (later) later.addSpanKeys(span)
    const bit = this.decode(16 + follows, 1024 + ((size << 4) | (this.spans & 3)))
    this.spans = ((this.spans << 1) | bit) & 15
    if (bit === 0) {
      this.failedUntil = x + span
      return 0
    }
    match.updateSpan(span, follows)
    around.run += span - 1
    return span
  }

  /**
   * Whether the cells two rows above are all W, too.
   * @param {number} span
   */
  isAbove(span) {
    const { cells, at, stride, w } = this.around
    const start = at - 2 * stride
    for (let i = start; i < start + span; i++) if (cells[i] !== w) return 0
    return 1
  }

  /**
   * @param {number} size
   * @param {number} above
   * @param {number} follows
   */
  setSpanKeys(size, above, follows) {
    const { keys, around } = this
    const { equal, w, www, nwww, nnw, x, width } = around
    keys[0] = MARK + (equal | (size << 6) | (same(www, w) << 10) | (same(nwww, w) << 11) | (same(nnw, w) << 12) | (above << 13))
    keys[1] = (aroundHash(around) + size + 1) & MASK
    keys[2] = MARK + (w | (size << 8) | (follows << 12) | (above << 14))
    keys[3] = MARK + (follows | (this.match.lengthClass << 2) | (size << 5) | (above << 9))
    keys[4] = MARK + (this.spans | (size << 4) | (above << 8))
    keys[5] = MARK + (runLevel(around.run) | (size << 4) | (x === 0 ? 1 << 8 : 0) | (this.change >= width ? 1 << 9 : 0))
  }

  /**
   * Whether the pixel is the candidate. `findChange` must have been called.
   * @param {number} candidate
   * @param {import('./frames.js').LaterFrames | null} later in frames after the first
   */
  single(candidate, later) {
    const { keys, around, match } = this
    const { equal, flat, w, www, nwww, nnw, nnee, x } = around
    const agree = agreement(match.matched, match.similarity, candidate)
    const agreeSecond = agreement(match.second, match.secondSimilarity, candidate)
    const ahead = Math.min(this.change - x - 2, 8)
    const inside = x < this.failedUntil ? 1 << 14 : 0
    const hash = aroundHash(around)
    keys[0] =
      equal |
      (flat << 5) |
      (ahead << 6) |
      (same(www, w) << 10) |
      (same(nwww, w) << 11) |
      (same(nnw, w) << 12) |
      (same(nnee, w) << 13) |
      inside
    keys[1] = (hash + flat) & MASK
    keys[2] = candidate | (equal << 8) | (agree << 13) | (flat << 20)
    keys[3] = agree | (agreeSecond << 6) | (match.lengthClass << 12) | (flat << 16)
    keys[4] =
      runLevel(around.run) | (ahead << 4) | (flat << 8) | (candidate === 0 ? 1 << 9 : 0) | (match.lengthClass << 10) | inside
    keys[5] = (combine(hash, pack(around.nww, nnw, www, around.neee)) + flat) & MASK
    if (later) later.addSingleKeys()
    return this.decode((flat << 3) | match.lengthClass, (agree << 5) | equal)
  }

  /**
   * Decodes the flag whose keys are set.
   * @param {number} coarseRow
   * @param {number} fineRow
   */
  decode(coarseRow, fineRow) {
    const { keys, used, slots, stretch, coarse, fine, bits, decoder } = this
    const mask = (1 << bits) - 1
    const coarseAt = coarseRow << 3
    const fineAt = fineRow << 3
    let score = 0
    for (let c = 0; c < KEYS; c++) {
      const slot = ((c << bits) | (hashFlag(keys[c], c) & mask)) << 2
      const s = slots[slot + 1] - slots[slot]
      used[c] = slot
      stretch[c] = s
      score += Math.imul(limit((coarse[coarseAt + c] + fine[fineAt + c]) >> 4, 8191), s) >> 16
    }
    const no = EXP[score < 0 ? 0 : Math.min(score, 1023)]
    const yes = EXP[score > 0 ? 0 : Math.min(-score, 1023)]
    const range = decoder.state[RANGE]
    const unit = (range / (no + yes)) >>> 0
    const bound = Math.imul(unit, yes)
    const bit = decoder.state[CODE] < bound >>> 0 ? 1 : 0
    if (bit) decoder.narrow(0, bound)
    else decoder.narrow(bound, Math.imul(unit, no))
    this.learn(coarseAt, fineAt, bit, (bit << 14) - (((yes << 14) / (no + yes)) | 0))
    return bit
  }

  /**
   * @param {number} coarseAt
   * @param {number} fineAt
   * @param {number} bit
   * @param {number} error
   */
  learn(coarseAt, fineAt, bit, error) {
    const { used, slots, stretch, coarse, fine } = this
    for (let c = 0; c < KEYS; c++) {
      const slot = used[c]
      const count = slots[slot + 2]
      const step = Math.imul(Math.imul(error, stretch[c]) >> 14, 126) >> 10
      coarse[coarseAt + c] = limit(coarse[coarseAt + c] + step, 1 << 20)
      fine[fineAt + c] = limit(fine[fineAt + c] + step, 1 << 20)
      slots[slot + bit] = after(slots[slot + bit], FLAG_RATE[count])
      slots[slot + 1 - bit] = Math.max(slots[slot + 1 - bit] - FLAG_DECAY[count], -16384)
      slots[slot + 2] = Math.min(count + 1, MOST)
    }
  }
}

/** @param {import('./neighbourhood.js').Neighbourhood} around */
export function aroundHash({ w, n, nw, ne, ww, nn, nee, nne }) {
  return combine(pack(w, n, nw, ne), pack(ww, nn, nee, nne))
}

/** @param {number} run */
function runLevel(run) {
  return run > 255 ? 15 : LEVEL[run]
}

/**
 * @param {number} matched
 * @param {number} similarity
 * @param {number} candidate
 */
export function agreement(matched, similarity, candidate) {
  return matched === NONE ? 0 : (matched === candidate ? 1 : 2) + 3 * (similarity >> 1)
}
