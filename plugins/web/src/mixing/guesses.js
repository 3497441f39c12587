/** Guesses of the colour of a pixel, section 5.2.7 of the specification, and what they are worth. */
import { LEVEL } from '../level.js'
import { same } from './neighbourhood.js'
import { TRUST } from './tables.js'

const GUESSES = 6
const PLANE = 2
const BLEND = 5 // the guess that blends the others

export class Guesses {
  /**
   * @param {import('./neighbourhood.js').Neighbourhood} around
   * @param {Int32Array} colours R, G, B, A of each rank, premultiplied
   * @param {boolean} opaque
   */
  constructor(around, colours, opaque) {
    this.around = around
    this.colours = colours
    this.channels = opaque ? 3 : 4
    /** distance() of ranks a, b at a << 8 | b, once it was needed. */
    this.distances = new Int16Array((colours.length >> 2) << 8)
    /** Guess m of channel j is at 8j + m. */
    this.values = new Int32Array(4 * 8)
    this.share = new Int32Array(5)
    // Errors of the row above and of this row, six for each pixel, with a margin of one pixel on both sides.
    this.above = new Int32Array((around.width + 2) * GUESSES)
    this.row = new Int32Array((around.width + 2) * GUESSES)
    this.snaps = new Snaps(colours, opaque)
    this.texture = 0
    this.activity = 0
    this.doubt = 0
  }

  startRow() {
    const { above } = this
    this.above = this.row
    this.row = above
  }

  /** Makes the guesses for the current pixel. */
  make() {
    const tilt = this.look()
    const steep = Math.abs(tilt)
    const edge = (steep > 24 ? 1 : 0) + (steep > 96 ? 1 : 0) + (steep > 240 ? 2 : 0)
    this.weigh()
    for (let j = 0; j < this.channels; j++) this.channel(j, tilt, edge)
  }

  /**
   * The same in frames after the first. Returns the prediction p5.
   * @param {number} p the pixel in the reference
   * @param {number} moved
   */
  makeLater(p, moved) {
    this.look()
    const changed = (moved & 1) + ((moved >> 1) & 1) + ((moved >> 2) & 1) + (moved >> 3)
    if (changed < 3) {
      this.doubt = Math.min(2 * changed + (this.activity >> 1), 15)
      return p
    }
    this.doubt = this.activity
    const { w, n, nw } = this.around
    const { colours, values } = this
    for (let j = 0; j < this.channels; j++) {
      values[8 * j + PLANE] = plane(colours[4 * w + j], colours[4 * n + j], colours[4 * nw + j])
    }
    return this.snap(PLANE)
  }

  /** Sets texture and activity. Returns the tilt. */
  look() {
    const { around } = this
    const { w, n, nw, ne, ww, nn, nne } = around
    this.texture = same(w, n) | (same(nw, n) << 1) | (same(ne, n) << 2) | (same(nw, w) << 3) | (around.equal << 4)
    const along = this.distance(w, ww) + this.distance(n, nw) + this.distance(n, ne)
    const across = this.distance(w, nw) + this.distance(n, nn) + this.distance(ne, nne)
    this.activity = LEVEL[Math.min(along + across, 4095)]
    return across - along
  }

  /**
   * @param {number} a
   * @param {number} b
   */
  distance(a, b) {
    return this.distances[(a << 8) | b] || this.measure(a, b)
  }

  /**
   * @param {number} a
   * @param {number} b
   */
  measure(a, b) {
    const { colours } = this
    let sum = 0
    for (let i = 0; i < 4; i++) sum += Math.abs(colours[4 * a + i] - colours[4 * b + i])
    return (this.distances[(a << 8) | b] = sum)
  }

  /** The share of each guess in the blend, by the errors around. */
  weigh() {
    const { above, row, share } = this
    const n = (this.around.x + 1) * GUESSES
    const ne = n + GUESSES
    const w = n - GUESSES
    const t0 = TRUST[(above[n] + above[ne] + 3 * row[w]) >> 2]
    const t1 = TRUST[(above[n + 1] + above[ne + 1] + 3 * row[w + 1]) >> 2]
    const t2 = TRUST[(above[n + 2] + above[ne + 2] + 3 * row[w + 2]) >> 2]
    const t3 = TRUST[(above[n + 3] + above[ne + 3] + 3 * row[w + 3]) >> 2]
    const t4 = TRUST[(above[n + 4] + above[ne + 4] + 3 * row[w + 4]) >> 2]
    const unit = (2 ** 30 / (t0 + t1 + t2 + t3 + t4)) | 0
    share[0] = Math.imul(t0, unit) >> 14
    share[1] = Math.imul(t1, unit) >> 14
    share[2] = Math.imul(t2, unit) >> 14
    share[3] = Math.imul(t3, unit) >> 14
    share[4] = Math.imul(t4, unit) >> 14
    this.doubt = LEVEL[Math.min(4095, above[n + BLEND] + above[ne + BLEND] + 2 * row[w + BLEND])]
  }

  /**
   * @param {number} j
   * @param {number} tilt
   * @param {number} edge
   */
  channel(j, tilt, edge) {
    const { colours, values, around, share } = this
    const w = colours[4 * around.w + j]
    const n = colours[4 * around.n + j]
    const nw = colours[4 * around.nw + j]
    const ne = colours[4 * around.ne + j]
    const nn = colours[4 * around.nn + j]
    const o = tilt > 0 ? w : n
    const g = ((w + n) >> 1) + ((ne - nw) >> 2)
    const g0 = byte(g + (Math.imul(o - g, edge) >> 2))
    const g1 = (3 * w + 3 * n + 2 * ne) >> 3
    const g2 = plane(w, n, nw)
    const g3 = byte(w + ((ne - nw) >> 1))
    const g4 = byte(n + ((w - nw) >> 1) + ((n - nn) >> 2))
    const sum =
      Math.imul(share[0], g0) +
      Math.imul(share[1], g1) +
      Math.imul(share[2], g2) +
      Math.imul(share[3], g3) +
      Math.imul(share[4], g4)
    values[8 * j] = g0
    values[8 * j + 1] = g1
    values[8 * j + 2] = g2
    values[8 * j + 3] = g3
    values[8 * j + 4] = g4
    values[8 * j + 5] = (sum + 32768) >> 16
  }

  /**
   * The rank that is nearest to guess m.
   * @param {number} m
   */
  snap(m) {
    const { values } = this
    return this.snaps.find(values[m], values[8 + m], values[16 + m], values[24 + m])
  }

  /**
   * To be called once the pixel is known, if guesses were made.
   * @param {number} pixel
   */
  update(pixel) {
    const { row, values, colours, channels } = this
    const at = (this.around.x + 1) * GUESSES
    const r = colours[4 * pixel]
    const g = colours[4 * pixel + 1]
    const b = colours[4 * pixel + 2]
    for (let m = 0; m < GUESSES; m++) {
      row[at + m] = Math.abs(values[m] - r) + Math.abs(values[8 + m] - g) + Math.abs(values[16 + m] - b)
    }
    if (channels === 3) return
    const a = colours[4 * pixel + 3]
    for (let m = 0; m < GUESSES; m++) row[at + m] += Math.abs(values[24 + m] - a)
  }

  /**
   * To be called for pixels that a flag decided.
   * @param {number} count
   */
  skip(count) {
    const at = (this.around.x + 1) * GUESSES
    this.row.fill(0, at, at + count * GUESSES)
  }
}

/** For each cell of a grid of colours the rank nearest to its centre, found when it is first needed. */
class Snaps {
  /**
   * @param {Int32Array} colours
   * @param {boolean} opaque
   */
  constructor(colours, opaque) {
    this.colours = colours
    this.opaque = opaque
    this.ranks = new Int16Array(32768).fill(-1)
  }

  /**
   * @param {number} r
   * @param {number} g
   * @param {number} b
   * @param {number} a
   */
  find(r, g, b, a) {
    const cell = this.opaque
      ? ((r >> 3) << 10) | ((g >> 3) << 5) | (b >> 3)
      : ((r >> 4) << 11) | ((g >> 4) << 7) | ((b >> 4) << 3) | (a >> 5)
    const rank = this.ranks[cell]
    if (rank >= 0) return rank
    return (this.ranks[cell] = this.opaque
      ? this.nearest((r & 248) + 4, (g & 248) + 4, (b & 248) + 4, 255)
      : this.nearest((r & 240) + 8, (g & 240) + 8, (b & 240) + 8, (a & 224) + 16))
  }

  /**
   * @param {number} r
   * @param {number} g
   * @param {number} b
   * @param {number} a
   */
  nearest(r, g, b, a) {
    const { colours } = this
    let best = 0
    let least = 0x7fffffff
    for (let i = 0; i < colours.length; i += 4) {
      const green = colours[i + 1] - g
      if (4 * green * green >= least) continue
      const distance = far(colours[i] - r, green, colours[i + 2] - b, colours[i + 3] - a)
      if (distance < least) {
        least = distance
        best = i >> 2
      }
    }
    return best
  }
}

/**
 * far() of two colours with these differences.
 * @param {number} r
 * @param {number} g
 * @param {number} b
 * @param {number} a
 */
export function far(r, g, b, a) {
  return 3 * Math.imul(r, r) + 4 * Math.imul(g, g) + 2 * Math.imul(b, b) + 4 * Math.imul(a, a)
}

/**
 * Guess 2.
 * @param {number} w
 * @param {number} n
 * @param {number} nw
 */
function plane(w, n, nw) {
  const least = w < n ? w : n
  const most = w < n ? n : w
  const v = w + n - nw
  return v < least ? least : v > most ? most : v
}

/** @param {number} v */
function byte(v) {
  return v < 0 ? 0 : v > 255 ? 255 : v
}
