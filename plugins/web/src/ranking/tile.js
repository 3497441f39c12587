/** The coder `fast`, section 5.3 of the specification: a symbol ranking compressor. */
import { checkTileSize } from '../range-coder.js'
import { BIT, BITS, FIRST, NEAR, NUMBER, RANK, ROW, SECOND, SIZES, SLOT, SPAN, WEST } from './contexts.js'
import { makeContexts } from './contexts.js'
import { LEVEL } from '../level.js'
import { Decisions } from './decisions.js'
import { LaterFrames } from './frames.js'
import { canMove } from './motion.js'
import { ColourLists, makeDistances } from './lists.js'

export const LEFT = 3 // margins of a row
export const RIGHT = 2
const LONGEST_SPAN = 8192
export const NONE = -1

export const C1 = 0x2f0b4c47
export const C2 = 0x1e35a7bd
export const C3 = 0x2c1b3c6d

const EDGES = [1, 3, 5, 7, 8, 12, 17, 23, 33, 46, 66, 93, 133, 188, 267]
/** How many EDGES are not above a sum of three distances. */
export const ACTIVITY = new Uint8Array(766)
EDGES.forEach((edge, i) => ACTIVITY.fill(i + 1, edge))

/** How much the confidence of a slot counts for its flag: l and m of the specification, by confidence. */
export const LONG_TRUST = Uint8Array.of(0, 1, 2, 3, 4, 4, 4, 4, 5)
export const SHORT_TRUST = Uint8Array.of(0, 2, 2, 3, 3, 3, 3, 3, 3)
/** The confidence of a slot after it was wrong; 0 if it is replaced. */
const SHAKEN = Uint8Array.of(0, 0, 0, 1, 2, 2, 3, 3, 3)

export class RankingTile {
  /**
   * @param {Uint8Array} bytes
   * @param {import('../tile.js').TileShape} shape
   */
  constructor(bytes, { width, height, frames, colors, colours }) {
    checkTileSize(width, height, frames)
    this.width = width
    this.height = height
    this.frames = frames
    this.k = colors
    this.decisions = new Decisions(bytes, makeContexts(colors))
    this.lists = new ColourLists(colours, colors)
    this.distances = makeDistances(colours, colors)
    // A slot is check << 16 | colour << 8 | confidence, or 0 if it is empty.
    this.long = slotTable(width * height * frames, frames > 1 ? 19 : 18)
    this.short = slotTable(width * height * frames, frames > 1 ? 16 : 18)
    this.stride = LEFT + width + RIGHT
    // Two rows of index 0 precede the first one. Another follows the last one if there are more frames.
    this.planeSize = (height + (frames > 1 ? 3 : 2)) * this.stride
    this.cells = new Uint8Array((frames === 1 ? 1 : canMove(width * height) ? 4 : 3) * this.planeSize)
    /** The position of the first pixel of the frame at hand. */
    this.start = 2 * this.stride + LEFT
    this.rows = 0
    this.spans = 0
    this.whole = 0
    this.change = 0
    /** How many frames have been decoded. */
    this.done = 0
    /** @type {LaterFrames | null} */
    this.later = null
  }

  /** The indices of the next frame. */
  read() {
    this.skip()
    const { cells, stride, start, width, height } = this
    const indices = new Uint8Array(width * height)
    for (let y = 0; y < height; y++) {
      const row = start + y * stride
      indices.set(cells.subarray(row, row + width), y * width)
    }
    return indices
  }

  /** Passes over the next frame. */
  skip() {
    const { decisions } = this
    if (this.done === 0) this.firstFrame()
    else (this.later ??= new LaterFrames(this)).next()
    this.done++
    if (this.done === this.frames) decisions.finish()
  }

  firstFrame() {
    const { stride, height } = this
    for (let y = 0; y < height; y++) {
      const start = this.start + y * stride
      this.setMargins(start, y)
      if (!this.isRepeated(start)) this.row(start)
      this.decisions.check()
    }
  }

  /**
   * Whether the row is the same as the row above.
   * @param {number} start
   */
  isRepeated(start) {
    const { cells, stride, width } = this
    const same = this.decisions.flag(ROW + this.rows)
    this.rows = ((this.rows << 1) | same) & 7
    if (same) cells.copyWithin(start, start - stride, start - stride + width)
    return same
  }

  /**
   * @param {number} start the position of the row's first pixel
   * @param {number} y
   */
  setMargins(start, y) {
    const { cells, stride, width } = this
    const above = start - stride
    cells.fill(cells[above], start - LEFT, start)
    if (y > 0) cells.fill(cells[above + width - 1], above + width, above + width + RIGHT)
  }

  /** @param {number} start */
  row(start) {
    const { cells, stride, width } = this
    this.change = 0
    for (let x = 0; x < width; ) {
      const at = start + x
      const w = cells[at - 1]
      const n = cells[at - stride]
      if (w === n && w === cells[at - stride - 1] && w === cells[at - stride + 1]) {
        x = this.flat(start, x)
      } else {
        this.pixel(at, 0)
        x++
      }
    }
  }

  /**
   * Decodes a span, or the pixels up to and including the first one that differs. Returns the next column.
   * @param {number} start
   * @param {number} x
   */
  flat(start, x) {
    const next = this.flatSpan(start, x, SPAN)
    if (this.whole) return next
    this.pixel(start + next, 1)
    return next + 1
  }

  /**
   * Decodes how many pixels are W. Returns the next column. If the span is not `whole`, the pixel there is not W.
   * @param {number} start
   * @param {number} x
   * @param {number} contexts of the flag for the whole span
   */
  flatSpan(start, x, contexts) {
    const { cells, stride, decisions } = this
    const at = start + x
    const w = cells[at - 1]
    const span = this.span(start - stride, x, w)
    const size = LEVEL[Math.min(span, 4095)]
    const same = (cells[at - 2 * stride] === w ? 8 : 0) | (cells[at - 2] === w ? 4 : 0)
    this.whole = decisions.flag(contexts + ((size << 4) | same | this.spans))
    this.spans = ((this.spans << 1) | this.whole) & 3
    const n = this.whole ? span : span === 1 ? 0 : Math.min(this.number(size), span - 1)
    for (let i = at; i < at + n; i++) cells[i] = w
    return x + n
  }

  /**
   * How many pixels from column x on are flat if all before them are W.
   * @param {number} above the position of the first cell of the row above
   * @param {number} x
   * @param {number} w
   */
  span(above, x, w) {
    const { cells, width } = this
    if (this.change < x + 2) {
      let column = x + 2
      while (column < width && cells[above + column] === w) column++
      this.change = column
    }
    const span = this.change >= width ? width - x : this.change - 1 - x
    return Math.min(span, LONGEST_SPAN)
  }

  /** @param {number} size */
  number(size) {
    const { decisions } = this
    const c = decisions.symbol(SIZES + size)
    let v = 1
    if (c > 0) v = 2 * v + decisions.flag(NUMBER + 4 * c)
    if (c > 1) v = 2 * v + decisions.flag(NUMBER + 4 * c + 1 + (v & 1))
    if (c > 2) v = (v << (c - 2)) | decisions.raw(c - 2)
    return v - 1
  }

  /**
   * Decodes one pixel, section 5.3.5.
   * @param {number} at
   * @param {number} flat 0 or 1; a flat pixel here is not W
   */
  pixel(at, flat) {
    const { cells, stride, distances, decisions, long, short } = this
    const above = at - stride
    const w = cells[at - 1]
    const ww = cells[at - 2]
    const n = cells[above]
    const nw = cells[above - 1]
    const ne = cells[above + 1]
    const nn = cells[above - stride]

    // The slots of both keys.
    const h = this.longKey(at)
    const g = this.shortKey(w, n, nw, ne)
    const longAt = h & (long.length - 1)
    const shortAt = g & (short.length - 1)
    const longSlot = long[longAt] >> 16 === h >>> 24 ? long[longAt] : 0
    const shortSlot = short[shortAt] >> 16 === g >>> 24 ? short[shortAt] : 0
    const longColour = usable(longSlot, flat, w)
    const shortColour = usable(shortSlot, flat, w)

    const equal =
      (ww === w ? 1 : 0) |
      (nn === n ? 2 : 0) |
      (w === n ? 4 : 0) |
      (nw === n ? 8 : 0) |
      (ne === n ? 16 : 0) |
      (nw === w ? 32 : 0)
    const dw = distances[(w << 8) | nw]
    const dn = distances[(n << 8) | nw]
    const activity = ACTIVITY[dw + dn + distances[(n << 8) | ne]]

    let pixel = NONE
    let first = w
    let second = NONE
    if (longColour >= 0 || shortColour >= 0) {
      first = longColour >= 0 ? longColour : shortColour
      let m = SHORT_TRUST[shortSlot & 15]
      if (shortColour < 0) m = 0
      else if (longColour >= 0 && shortColour !== longColour) {
        m = 1
        second = shortColour
      }
      const s = 4 * (longColour >= 0 ? LONG_TRUST[longSlot & 15] : 0) + m
      const context = SLOT + ((24 * flat + s) << 7) + ((which(first, w, n, ne) << 5) | (equal & 31))
      if (decisions.flag(context)) pixel = first
      else if (second >= 0) {
        const kind = 3 * Math.min(shortSlot & 15, 4) + Math.min(which(second, w, n, ne), 2)
        if (decisions.flag(SECOND + ((kind << 4) | (equal & 15)))) pixel = second
      }
    } else if (flat) first = NONE
    else if (decisions.flag(WEST + (((activity >> 1) << 6) | equal))) pixel = w

    if (pixel < 0) {
      const x = dw < dn ? n : w
      if (!flat) pixel = this.near(w, n, ne, x, first, second, NONE, NONE, ((activity >> 2) << 7) | (equal << 1) | (longColour >= 0 ? 1 : 0))
      if (pixel < 0) {
        pixel = this.ranked(this.distribution(flat, activity, x), x, x === n ? w : n, w, n, ne, first, NONE)
      }
    }
    cells[at] = pixel
    long[longAt] = learned(longSlot, h >>> 24, pixel)
    short[shortAt] = learned(shortSlot, g >>> 24, pixel)
  }

  /** @param {number} at */
  longKey(at) {
    const { cells, stride } = this
    const n = at - stride
    const nn = n - stride
    const a = cells[n - 1] | (cells[n] << 8) | (cells[n + 1] << 16) | (cells[n + 2] << 24)
    const b = cells[n - 2] | (cells[nn - 1] << 8) | (cells[nn] << 16) | (cells[nn + 1] << 24)
    const c = cells[at - 1] | (cells[at - 2] << 8) | (this.k <= 16 ? 0 : cells[at - 3] << 16)
    let h = ((Math.imul(a, C1) ^ Math.imul(b, C2)) + Math.imul(c, C3)) | 0
    h = Math.imul(h ^ (h >>> 15), C1)
    return h ^ (h >>> 13)
  }

  /**
   * @param {number} w
   * @param {number} n
   * @param {number} nw
   * @param {number} ne
   */
  shortKey(w, n, nw, ne) {
    let g = Math.imul(nw | (n << 8) | (this.k <= 16 ? ne << 16 : 0) | (w << 24), C1)
    g = Math.imul(g ^ (g >>> 15), C2)
    return g ^ (g >>> 13)
  }

  /**
   * Tries W, N and NE, except those that were refused already. Returns the pixel, or -1 if it is none of them.
   * @param {number} w
   * @param {number} n
   * @param {number} ne
   * @param {number} x
   * @param {number} first
   * @param {number} second
   * @param {number} third
   * @param {number} p the pixel in the frame before, or -1
   * @param {number} context
   */
  near(w, n, ne, x, first, second, third, p, context) {
    const { decisions } = this
    let pixel = NONE
    if (w !== first && w !== second && w !== third && w !== p && decisions.flag(NEAR + context)) pixel = w
    else if (n !== w && n !== first && n !== second && n !== third && n !== p && decisions.flag(NEAR + 512 + context)) pixel = n
    else if (ne !== w && ne !== n && ne !== first && ne !== second && ne !== third && ne !== p && decisions.flag(NEAR + 1024 + context)) pixel = ne
    if (pixel >= 0 && pixel !== x) this.lists.promoteColour(x, pixel)
    return pixel
  }

  /**
   * The distribution of ranks in the list of X.
   * @param {number} flat
   * @param {number} activity
   * @param {number} x
   */
  distribution(flat, activity, x) {
    return RANK + (flat ? 0 : 1 + 4 * (activity >> 2) + (this.lists.mean[x] >> 6))
  }

  /**
   * Decodes a rank in the list of X, among the colours that were not yet refused.
   * @param {number} distribution
   * @param {number} x
   * @param {number} y
   * @param {number} w
   * @param {number} n
   * @param {number} ne
   * @param {number} first
   * @param {number} before the pixel in the frame before, or -1
   */
  ranked(distribution, x, y, w, n, ne, first, before) {
    const { decisions, lists } = this
    const { places } = lists
    lists.need(x)
    const t = decisions.symbol(distribution)
    let p = this.rank(t)
    // The places to skip, if any; beyond the end if there is none.
    const list = x << 8
    const a = first >= 0 && first !== x ? places[list | first] : 256
    const b = y !== x && y !== first ? places[list | y] : 256
    const c = ne !== w && ne !== n && ne !== first ? places[list | ne] : 256
    const isMore = before >= 0 && before !== w && before !== n && before !== ne && before !== first
    const d = isMore ? places[list | before] : 256
    // In ascending order.
    const middle = Math.max(Math.min(a, b), Math.min(c, d))
    const middle2 = Math.min(Math.max(a, b), Math.max(c, d))
    if (p >= Math.min(a, b, c, d)) p++
    if (p >= Math.min(middle, middle2)) p++
    if (p >= Math.max(middle, middle2)) p++
    if (p >= Math.max(a, b, c, d)) p++
    return lists.found(x, t, p)
  }

  /**
   * The number of a rank whose class is t.
   * @param {number} t
   */
  rank(t) {
    const { decisions } = this
    const b = BITS[t]
    let p = FIRST[t]
    if (b === 0) return p
    const u = decisions.flag(BIT + 4 * t)
    p += u << (b - 1)
    if (b > 1) p += decisions.flag(BIT + 4 * t + 1 + u) << (b - 2)
    if (b > 2) p += decisions.raw(b - 2)
    return p
  }
}

/**
 * @param {number} n pixels in the tile
 * @param {number} maxBits
 */
export function slotTable(n, maxBits) {
  let bits = 8
  while (bits < maxBits && 2 ** bits < n) bits++
  return new Int32Array(1 << bits)
}

/**
 * The colour of a slot, or -1 if it is no candidate.
 * @param {number} slot
 * @param {number} flat
 * @param {number} w
 */
export function usable(slot, flat, w) {
  if (slot === 0) return NONE
  const colour = (slot >> 8) & 255
  return flat && colour === w ? NONE : colour
}

/**
 * @param {number} colour
 * @param {number} w
 * @param {number} n
 * @param {number} ne
 */
export function which(colour, w, n, ne) {
  return colour === w ? 0 : colour === n ? 1 : colour === ne ? 2 : 3
}

/**
 * What a slot is after a pixel: `slot` before, or 0 if it was another one's or empty.
 * @param {number} slot
 * @param {number} check
 * @param {number} pixel
 */
export function learned(slot, check, pixel) {
  const confidence = slot & 15
  if (confidence > 0) {
    if (((slot >> 8) & 255) === pixel) return confidence < 8 ? slot + 1 : slot
    if (confidence > 2) return slot - confidence + SHAKEN[confidence]
  }
  return (check << 16) | (pixel << 8) | 1
}
