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

/** Probabilities of a 1, in units of 1/65536, that adapt: at first fast, later slowly. */
class Contexts {
  /**
   * @param {number} size
   * @param {(i: number) => number} initial
   * @param {number} count the greater, the slower a probability adapts at first
   */
  constructor(size, initial, count = 1) {
    this.p = Int32Array.from({ length: size }, (_, i) => initial(i))
    this.count = new Int32Array(size).fill(count)
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
   * The half with bit z.
   * @param {number} axis
   * @param {number} z
   */
  half(axis, z) {
    const half = new Cell([...this.low], [...this.unknown])
    half.low[axis] += z << --half.unknown[axis]
    return half
  }
}

class SetDecoder {
  /** @param {Uint8Array} bytes */
  constructor(bytes) {
    this.bits = new BitDecoder(bytes)
    /** @type {number[][]} the colours decoded so far, as G, R, B, A */
    this.done = []
    this.empty = new Contexts(10 * 32, (i) => {
      const size = i >> 5
      return size === 2 ? 39321 : Math.floor(458752 / Math.max(1, 5 * size - 4))
    })
    // One context for G, one for A, four each for R and B.
    this.side = new Contexts(16, (i) => (i >> 2 === R || i >> 2 === B ? [32768, 13107, 52428, 32768][i & 3] : 32768))
    // For each channel three predictions with 12 places each; G and A have only the first.
    this.place = new Contexts(4 * 3 * 12, (i) => squash((2 * (i % 12) - 11) * 24) * 16, 2)
    /** @type {number[][]} the weights of the mixers of R and B */
    this.weights = [[], [19661, 19661, 19661], [19661, 19661, 19661]]
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
   * @param {Cell} cell
   * @param {number} n
   * @param {number} level
   * @param {number} axes
   */
  cell(cell, n, level, axes) {
    while (n > 1) {
      const axis = level % axes
      const room = 2 ** (cell.unknown.reduce((sum, bits) => sum + bits, 0) - 1)
      const size = n < 8 ? n : n < 16 ? 8 : 9
      if (n <= room && this.bits.adaptive(this.empty, (size << 5) | level)) {
        cell = cell.half(axis, this.bits.adaptive(this.side, this.sideContext(cell, axis)))
      } else {
        const lower = this.bits.uniform(Math.max(1, n - room), Math.min(n - 1, room))
        this.cell(cell.half(axis, 0), lower, level + 1, axes)
        cell = cell.half(axis, 1)
        n -= lower
      }
      level++
    }
    this.point(cell, axes)
  }

  /**
   * @param {Cell} cell
   * @param {number} axis
   */
  sideContext(cell, axis) {
    if (axis === G || axis === A) return axis << 2
    const b = cell.unknown[axis] - 1
    const reference = cell.low[axis === R ? G : R]
    return (axis << 2) | (clamp((reference >> b) - (cell.low[axis] >> b), -1, 2) + 1)
  }

  /**
   * @param {Cell} cell
   * @param {number} axes
   */
  point(cell, axes) {
    const { low, unknown } = cell
    for (const channel of axes === 4 ? [A, G, R, B] : [G, R, B]) {
      const near = this.nearest(cell, axes)
      const predictions = near && predict(channel, low, near)
      while (unknown[channel] > 0) {
        const bit = predictions ? this.pointBit(channel, low[channel], unknown[channel], predictions) : this.bits.bit(32768)
        low[channel] += bit << --unknown[channel]
      }
    }
    this.done.push(low)
  }

  /**
   * @param {number} channel
   * @param {number} low
   * @param {number} unknown
   * @param {number[]} predictions
   */
  pointBit(channel, low, unknown, predictions) {
    const contexts = predictions.map((p, j) => (channel * 3 + j) * 12 + place(p, low, unknown))
    if (contexts.length === 1) return this.bits.adaptive(this.place, contexts[0])
    const weights = this.weights[channel]
    const stretched = contexts.map((i) => stretch(this.place.p[i] >> 4))
    const q = squash(stretched.reduce((sum, s, j) => sum + weights[j] * s, 0) >> 16)
    const y = this.bits.bit(16 * q)
    contexts.forEach((i, j) => {
      weights[j] = clamp(weights[j] + ((stretched[j] * (y * 4096 - q)) >> 8), -131072, 131072)
      this.place.learn(i, y)
    })
    return y
  }

  /**
   * The nearest of the last colours, measured from the middle of what is known.
   * @param {Cell} cell
   * @param {number} axes
   */
  nearest({ low, unknown }, axes) {
    let best
    let least = Infinity
    for (const colour of this.done.slice(-RECENT)) {
      let distance = 0
      for (let axis = 0; axis < axes; axis++) {
        const w = 1 << unknown[axis]
        distance += Math.max(0, Math.abs(2 * (colour[axis] - low[axis]) + 1 - w) - w) ** 2
      }
      if (distance <= least) {
        least = distance
        best = colour
      }
    }
    return best
  }
}

/**
 * What a channel of a point may be, given its channels so far and a near colour.
 * @param {number} channel
 * @param {number[]} point
 * @param {number[]} near
 */
function predict(channel, [g, r], near) {
  const [nearG, nearR, nearB] = near
  if (channel === R) return [nearR, g, g + nearR - nearG]
  if (channel === B) return [g + nearB - nearG, r, (r + g - nearR - nearG + 2 * nearB) >> 1]
  return [near[channel]]
}

/**
 * Where a prediction lies relative to the values still possible, from far below (0) to far above (11).
 * @param {number} prediction
 * @param {number} low
 * @param {number} unknown
 */
function place(prediction, low, unknown) {
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

/**
 * The least x with squash(x) >= p.
 * @param {number} p
 */
function stretch(p) {
  let lo = -2047
  let hi = 2047
  while (lo < hi) {
    const mid = (lo + hi) >> 1
    if (squash(mid) >= p) hi = mid
    else lo = mid + 1
  }
  return lo
}

/**
 * @param {number} v
 * @param {number} least
 * @param {number} greatest
 */
function clamp(v, least, greatest) {
  return v < least ? least : v > greatest ? greatest : v
}

/**
 * @param {Uint8Array} bytes
 * @param {number} colors
 * @param {3 | 4} channels
 */
export function readColourSet(bytes, colors, channels) {
  const set = new SetDecoder(bytes)
  if (channels === 3) set.colours(colors, 3)
  else {
    const opaque = set.bits.uniform(0, colors)
    set.colours(opaque, 3)
    let others = colors - opaque
    if (others > 0 && set.bits.bit(57344)) {
      set.done.push([0, 0, 0, 0])
      others--
    }
    set.colours(others, 4)
  }
  if (set.bits.at < bytes.length) throw new KpalError(16, 'a set of colours with unused bytes')
  return inMortonOrder(set.done, channels)
}

/**
 * @param {number[][]} colours as G, R, B, A
 * @param {number} channels
 */
function inMortonOrder(colours, channels) {
  const keyed = colours.map((colour) => ({ colour, key: mortonKey(colour) })).sort((a, b) => a.key - b.key)
  const palette = new Uint8Array(channels * colours.length)
  keyed.forEach(({ colour: [g, r, b, a], key }, i) => {
    if (i > 0 && key === keyed[i - 1].key) throw new KpalError(16, 'a set with equal colours')
    palette.set([r, g, b, a].slice(0, channels), i * channels)
  })
  return palette
}

/**
 * The bits of G, R, B, A interleaved. (Without alpha all A are equal, and do not matter.)
 * @param {number[]} colour
 */
function mortonKey(colour) {
  let key = 0
  for (let bit = 7; bit >= 0; bit--) for (const value of colour) key = key * 2 + ((value >> bit) & 1)
  return key
}
