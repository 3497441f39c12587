/**
 * Sets of colours, section 4.1 of the specification: the cube of all colours is halved again and again, axis by axis,
 * and the stream tells how many colours are in each half, until a cell has only one.
 */
import { KpalError } from './errors.js'

const G = 0
const R = 1
const B = 2
const A = 3
const RECENT = 32 // among how many of the last colours a point looks for a near one
const PLACES = 12 // of a prediction, relative to the values still possible

/** Probabilities of a 1, in units of 1/65536, that adapt: at first fast, later slowly. */
class Contexts {
  /**
   * @param {Int32Array} initial
   * @param {number} count the greater, the slower a probability adapts at first
   */
  constructor(initial, count = 1) {
    this.p = initial.slice()
    this.count = new Int32Array(initial.length).fill(count)
  }

  /**
   * @param {number} i
   * @param {number} bit
   */
  learn(i, bit) {
    this.p[i] += ((bit * 65536 - this.p[i]) * Math.floor(131072 / (2 * this.count[i] + 3))) >> 16
    if (this.count[i] < 30) this.count[i]++
  }
}

/** The range decoder of sets, which decodes bits. (Tiles have another one.) */
class BitDecoder {
  /** @param {Uint8Array} bytes */
  constructor(bytes) {
    this.bytes = bytes
    this.at = 0
    this.range = 0xffffffff
    this.code = 0
    for (let i = 0; i < 4; i++) this.code = this.code * 256 + this.next()
    if (this.code === 0xffffffff) throw new KpalError(16, 'a set of colours begins with four bytes of 255')
  }

  /** Past the end there are zeros. */
  next() {
    const at = this.at++
    return at < this.bytes.length ? this.bytes[at] : 0
  }

  /** @param {number} p */
  bit(p) {
    const bound = (this.range >>> 16) * p
    const y = this.code < bound ? 1 : 0
    if (y) this.range = bound
    else {
      this.code -= bound
      this.range -= bound
    }
    while (this.range < 2 ** 24) {
      this.range *= 256
      this.code = this.code * 256 + this.next()
    }
    return y
  }

  /**
   * @param {Contexts} contexts
   * @param {number} i
   */
  adaptive(contexts, i) {
    const bit = this.bit(clamp(contexts.p[i], 16, 65520))
    contexts.learn(i, bit)
    return bit
  }

  /**
   * A number from `lo` to `hi`, all equally likely.
   * @param {number} lo
   * @param {number} hi
   */
  uniform(lo, hi) {
    while (lo < hi) {
      const mid = (lo + hi + 1) >> 1
      if (this.bit(Math.floor((65536 * (hi + 1 - mid)) / (hi + 1 - lo)))) lo = mid
      else hi = mid - 1
    }
    return lo
  }
}

/** A box of the colour cube: on each axis (G, R, B, A) a lower bound and a number of low bits not known yet. */
class Cell {
  /**
   * @param {number[]} low
   * @param {number[]} unknown
   */
  constructor(low, unknown) {
    this.low = low
    this.unknown = unknown
  }

  /** @param {number} axes */
  static whole(axes) {
    return new Cell([0, 0, 0, axes === 4 ? 0 : 255], [8, 8, 8, axes === 4 ? 8 : 0])
  }

  /**
   * The half with bit 0.
   * @param {number} axis
   */
  lower(axis) {
    const half = new Cell([...this.low], [...this.unknown])
    half.unknown[axis]--
    return half
  }

  /**
   * Becomes its half with bit z.
   * @param {number} axis
   * @param {number} z
   */
  narrow(axis, z) {
    this.low[axis] += z << --this.unknown[axis]
  }
}

class SetDecoder {
  /**
   * @param {Uint8Array} bytes
   * @param {number} colors
   */
  constructor(bytes, colors) {
    this.bits = new BitDecoder(bytes)
    /** The colours decoded so far, as G, R, B, A. */
    this.done = new Uint8Array(4 * colors)
    this.count = 0
    this.empty = new Contexts(EMPTY)
    this.side = new Contexts(SIDE)
    this.place = new Contexts(PLACE, 2)
    /** The weights of the mixers of R and B, at 3 * channel. */
    this.weights = new Int32Array(3 * 3).fill(19661)
    /** What the mixer works on: three contexts, and the logits of their probabilities. */
    this.chosen = new Int32Array(3)
    this.stretched = new Int32Array(3)
  }

  /**
   * S(n, axes) of the specification.
   * @param {number} n
   * @param {number} axes 3 or 4
   */
  colours(n, axes) {
    if (n > 0) this.cell(Cell.whole(axes), n, 0, axes)
  }

  /**
   * @param {Cell} cell is changed
   * @param {number} n
   * @param {number} level
   * @param {number} axes
   */
  cell(cell, n, level, axes) {
    for (; n > 1; level++) {
      const axis = level % axes
      const room = 2 ** (8 * axes - level - 1)
      const size = n < 8 ? n : n < 16 ? 8 : 9
      if (n <= room && this.bits.adaptive(this.empty, (size << 5) | level)) {
        cell.narrow(axis, this.bits.adaptive(this.side, this.sideContext(cell, axis)))
      } else {
        const lower = this.bits.uniform(Math.max(1, n - room), Math.min(n - 1, room))
        this.cell(cell.lower(axis), lower, level + 1, axes)
        cell.narrow(axis, 1)
        n -= lower
      }
    }
    this.point(cell, axes)
  }

  /**
   * @param {Cell} cell
   * @param {number} axis
   */
  sideContext({ low, unknown }, axis) {
    if (axis === G || axis === A) return axis << 2
    const b = unknown[axis] - 1
    return (axis << 2) | (clamp((low[axis === R ? G : R] >> b) - (low[axis] >> b), -1, 2) + 1)
  }

  /**
   * @param {Cell} cell is changed
   * @param {number} axes
   */
  point(cell, axes) {
    const { low, unknown } = cell
    for (const channel of axes === 4 ? [A, G, R, B] : [G, R, B]) {
      const predictions = this.count > 0 ? this.predict(channel, cell) : null
      while (unknown[channel] > 0) {
        cell.narrow(channel, predictions ? this.pointBit(channel, low[channel], unknown[channel], predictions) : this.bits.bit(32768))
      }
    }
    this.add(low)
  }

  /** @param {number[]} colour */
  add(colour) {
    this.done.set(colour, 4 * this.count++)
  }

  /**
   * @param {number} channel
   * @param {number} low
   * @param {number} unknown
   * @param {number[]} predictions
   */
  pointBit(channel, low, unknown, predictions) {
    const { bits, place, weights, chosen, stretched } = this
    for (let j = 0; j < predictions.length; j++) chosen[j] = (channel * 3 + j) * PLACES + placeOf(predictions[j], low, unknown)
    if (predictions.length === 1) return bits.adaptive(place, chosen[0])
    let sum = 0
    for (let j = 0; j < 3; j++) sum += weights[3 * channel + j] * (stretched[j] = STRETCH[place.p[chosen[j]] >> 4])
    const q = squash(sum >> 16)
    const y = bits.bit(16 * q)
    for (let j = 0; j < 3; j++) {
      const w = 3 * channel + j
      weights[w] = clamp(weights[w] + ((stretched[j] * (y * 4096 - q)) >> 8), -131072, 131072)
      place.learn(chosen[j], y)
    }
    return y
  }

  /**
   * What a channel of a point may be, given its channels so far and the nearest colour.
   * @param {number} channel
   * @param {Cell} cell
   */
  predict(channel, cell) {
    const [g, r] = cell.low
    const near = this.nearest(cell)
    const nearG = this.done[near + G]
    const nearR = this.done[near + R]
    const nearB = this.done[near + B]
    if (channel === R) return [nearR, g, g + nearR - nearG]
    if (channel === B) return [g + nearB - nearG, r, (r + g - nearR - nearG + 2 * nearB) >> 1]
    return [this.done[near + channel]]
  }

  /**
   * Where in `done` the nearest of the last colours is, measured from the middle of what is known.
   * @param {Cell} cell
   */
  nearest({ low, unknown }) {
    const { done, count } = this
    const [wg, wr, wb, wa] = [1 << unknown[G], 1 << unknown[R], 1 << unknown[B], 1 << unknown[A]]
    const [g, r, b, a] = [2 * low[G] + wg - 1, 2 * low[R] + wr - 1, 2 * low[B] + wb - 1, 2 * low[A] + wa - 1] // twice the middle
    let best = 0
    let least = Infinity
    for (let i = 4 * (count - 1), end = Math.max(0, 4 * (count - RECENT)); i >= end; i -= 4) {
      const distance = beyond(done[i + G], g, wg) + beyond(done[i + R], r, wr) + beyond(done[i + B], b, wb) + beyond(done[i + A], a, wa)
      if (distance < least) {
        least = distance
        best = i
      }
    }
    return best
  }
}

/**
 * The square of how far a value is outside of a range, in half steps.
 * @param {number} value
 * @param {number} middle twice that of the range
 * @param {number} width
 */
function beyond(value, middle, width) {
  const distance = Math.abs(2 * value - middle) - width
  return distance > 0 ? distance * distance : 0
}

/**
 * Where a prediction lies relative to the values still possible, from far below (0) to far above (11).
 * @param {number} prediction
 * @param {number} low
 * @param {number} unknown
 */
function placeOf(prediction, low, unknown) {
  const w = 1 << unknown
  const d = 2 * (prediction - low) + 1 - w
  const a = Math.abs(d)
  const r = 4 * a < w ? 0 : 2 * a < w ? 1 : 4 * a < 3 * w ? 2 : a <= w ? 3 : a <= 2 * w ? 4 : 5
  return d < 0 ? 5 - r : 6 + r
}

const SQUASH = [
  1, 2, 3, 6, 10, 16, 27, 45, 73, 120, 194, 310, 488, 747, 1101, 1546, 2047, 2549, 2994, 3348, 3607, 3785, 3901, 3975,
  4022, 4050, 4068, 4079, 4085, 4089, 4092, 4093, 4094,
]

/**
 * A probability in units of 1/4096 from its logit.
 * @param {number} x
 */
function squash(x) {
  x = clamp(x, -2047, 2047) + 2048
  const i = x >> 7
  const f = x & 127
  return (SQUASH[i] * (128 - f) + SQUASH[i + 1] * f + 64) >> 7
}

/** For each probability p the least x with squash(x) >= p. */
const STRETCH = makeStretch()

function makeStretch() {
  const stretch = new Int16Array(4096)
  for (let p = 0, x = -2047; p < 4096; p++) {
    while (x < 2047 && squash(x) < p) x++
    stretch[p] = x
  }
  return stretch
}

/**
 * @param {number} v
 * @param {number} least
 * @param {number} greatest
 */
function clamp(v, least, greatest) {
  return v < least ? least : v > greatest ? greatest : v
}

// The initial probabilities of a SetDecoder's contexts.
const EMPTY = Int32Array.from({ length: 10 * 32 }, (_, i) => {
  const size = i >> 5
  return size === 2 ? 39321 : 458752 / Math.max(1, 5 * size - 4)
})
/** One context for G, one for A, four each for R and B. */
const SIDE = Int32Array.from({ length: 16 }, (_, i) => (i >> 2 === R || i >> 2 === B ? [32768, 13107, 52428, 32768][i & 3] : 32768))
/** For each channel three predictions; G and A have only the first. */
const PLACE = Int32Array.from({ length: 4 * 3 * PLACES }, (_, i) => squash((2 * (i % PLACES) - 11) * 24) * 16)

/**
 * @param {Uint8Array} bytes
 * @param {number} colors
 * @param {3 | 4} channels
 */
export function readColourSet(bytes, colors, channels) {
  const set = new SetDecoder(bytes, colors)
  if (channels === 3) set.colours(colors, 3)
  else {
    const opaque = set.bits.uniform(0, colors)
    set.colours(opaque, 3)
    let others = colors - opaque
    if (others > 0 && set.bits.bit(57344)) {
      set.add([0, 0, 0, 0])
      others--
    }
    set.colours(others, 4)
  }
  if (set.bits.at < bytes.length) throw new KpalError(16, 'a set of colours with unused bytes')
  return inMortonOrder(set.done, channels)
}

/** Each value with three zeros before each of its bits. */
const SPREAD = Uint32Array.from({ length: 256 }, (_, v) => parseInt(v.toString(2), 16))

/**
 * @param {Uint8Array} colours as G, R, B, A
 * @param {3 | 4} channels
 */
function inMortonOrder(colours, channels) {
  // The number of the entry follows its key.
  const keys = Float64Array.from({ length: colours.length / 4 }, (_, i) => {
    const [g, r, b, a] = colours.subarray(4 * i, 4 * i + 4)
    return (SPREAD[g] * 8 + SPREAD[r] * 4 + SPREAD[b] * 2 + SPREAD[a]) * 256 + i
  }).sort()
  const palette = new Uint8Array(channels * keys.length)
  keys.forEach((key, i) => {
    if (i > 0 && Math.floor(key / 256) === Math.floor(keys[i - 1] / 256)) throw new KpalError(16, 'a set with equal colours')
    const from = 4 * (key % 256)
    palette.set([colours[from + R], colours[from + G], colours[from + B], colours[from + A]].slice(0, channels), i * channels)
  })
  return palette
}
