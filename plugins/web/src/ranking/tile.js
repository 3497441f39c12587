/** The coder `fast`, section 5.3 of the specification: a symbol ranking compressor. */
import { checkTileSize } from '../range-coder.js'
import { BIT, BITS, FIRST, NEAR, NUMBER, RANK, ROW, SECOND, SIZES, SLOT, SPAN, WEST } from './contexts.js'
import { makeContexts } from './contexts.js'
import { LEVEL } from '../level.js'
import { Decisions } from './decisions.js'
import { LaterFrames } from './frames.js'
import { canMove } from './motion.js'
import { ColourLists, makeDistances } from './lists.js'
import { C1, C2, C3, candidate, learn, LONG_TRUST, lookUp, mixed, NONE, same, SHORT_TRUST, slotTable, which } from './slots.js'

export const LEFT = 3 // margins of a row
export const RIGHT = 2
const LONGEST_SPAN = 8192

const EDGES = [1, 3, 5, 7, 8, 12, 17, 23, 33, 46, 66, 93, 133, 188, 267]
/** How many EDGES are not above a sum of three distances. */
export const ACTIVITY = new Uint8Array(766)
EDGES.forEach((edge, i) => ACTIVITY.fill(i + 1, edge))

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
    this.long = slotTable(width * height * frames, frames > 1 ? 19 : 18)
    this.short = slotTable(width * height * frames, frames > 1 ? 16 : 18)
    this.stride = LEFT + width + RIGHT
    // Two rows of index 0 precede the first one. Another follows the last one if there are more frames.
    this.planeSize = (height + (frames > 1 ? 3 : 2)) * this.stride
    this.cells = new Uint8Array((frames === 1 ? 1 : canMove(width * height) ? 4 : 3) * this.planeSize)
    this.view = new DataView(this.cells.buffer)
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

    // The slots of both keys. -1 stands for none, for a colour that the pixel is known not to be, and for a slot that is
    // no candidate.
    const h = this.longKey(at)
    const g = this.shortKey(w, n, nw, ne)
    const longSlot = lookUp(long, h)
    const shortSlot = lookUp(short, g)
    const notW = flat ? w : NONE
    const longColour = candidate(longSlot, notW, NONE)
    const shortColour = candidate(shortSlot, notW, NONE)

    const equal = equalities(w, ww, n, nn, nw, ne)
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
      pixel = this.unexpected(w, n, ne, x, flat, activity, equal, longColour < 0 ? 0 : 1, first, second, NONE, NONE)
    }
    cells[at] = pixel
    learn(long, h, longSlot, pixel)
    learn(short, g, shortSlot, pixel)
  }

  /** @param {number} at */
  longKey(at) {
    const { cells, view, stride } = this
    const n = at - stride
    const nn = n - stride
    const a = view.getInt32(n - 1, true) // four pixels at once
    const b = cells[n - 2] | (view.getInt32(nn - 1, true) << 8)
    const c = cells[at - 1] | (cells[at - 2] << 8) | (this.k <= 16 ? 0 : cells[at - 3] << 16)
    return mixed(((Math.imul(a, C1) ^ Math.imul(b, C2)) + Math.imul(c, C3)) | 0, C1)
  }

  /**
   * @param {number} w
   * @param {number} n
   * @param {number} nw
   * @param {number} ne
   */
  shortKey(w, n, nw, ne) {
    return mixed(Math.imul(nw | (n << 8) | (this.k <= 16 ? ne << 16 : 0) | (w << 24), C1), C2)
  }

  /**
   * Decodes a pixel that is none of the candidates: W, N, NE, or else a colour of the list of X.
   * @param {number} w
   * @param {number} n
   * @param {number} ne
   * @param {number} x W or N
   * @param {number} flat 0 or 1
   * @param {number} activity
   * @param {number} equal
   * @param {number} long 0 or 1: whether there was a long candidate
   * @param {number} first the candidates, or -1
   * @param {number} second
   * @param {number} third
   * @param {number} p the pixel in the frame before, or -1
   */
  unexpected(w, n, ne, x, flat, activity, equal, long, first, second, third, p) {
    const { decisions, lists } = this
    if (!flat) {
      const context = NEAR + (((activity >> 2) << 7) | (equal << 1) | long)
      let pixel = NONE
      if (w !== first && w !== second && w !== third && w !== p && decisions.flag(context)) pixel = w
      else if (n !== w && n !== first && n !== second && n !== third && n !== p && decisions.flag(context + 512)) pixel = n
      else if (ne !== w && ne !== n && ne !== first && ne !== second && ne !== third && ne !== p && decisions.flag(context + 1024)) pixel = ne
      if (pixel >= 0) {
        if (pixel !== x) lists.promoteColour(x, pixel)
        return pixel
      }
    }
    const { places } = lists
    lists.need(x)
    const t = decisions.symbol(RANK + (flat ? 0 : 1 + 4 * (activity >> 2) + (lists.mean[x] >> 6)))
    // The places to skip, if any; beyond the end if there is none.
    const y = x === n ? w : n
    const list = x << 8
    const a = first >= 0 && first !== x ? places[list | first] : 256
    const b = y !== x && y !== first ? places[list | y] : 256
    const c = ne !== w && ne !== n && ne !== first ? places[list | ne] : 256
    const d = p >= 0 && p !== w && p !== n && p !== ne && p !== first ? places[list | p] : 256
    return lists.found(x, t, skipping(this.rank(t), a, b, c, d))
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
 * Which neighbours are equal, one bit each.
 * @param {number} w
 * @param {number} ww
 * @param {number} n
 * @param {number} nn
 * @param {number} nw
 * @param {number} ne
 */
export function equalities(w, ww, n, nn, nw, ne) {
  return same(ww, w) | (same(nn, n) << 1) | (same(w, n) << 2) | (same(nw, n) << 3) | (same(ne, n) << 4) | (same(nw, w) << 5)
}

/**
 * The place with p others in front of it, if those of four colours do not count.
 * @param {number} p
 * @param {number} a
 * @param {number} b
 * @param {number} c
 * @param {number} d
 */
function skipping(p, a, b, c, d) {
  // Sorts the four, without branches.
  const ab = lesser(a, b)
  const cd = lesser(c, d)
  const least = lesser(ab, cd)
  const inner = ab + cd - least
  const outer = lesser(a + b - ab, c + d - cd)
  const second = lesser(inner, outer)
  p += 1 - less(p, least)
  p += 1 - less(p, second)
  p += 1 - less(p, inner + outer - second)
  return p + 1 - less(p, a + b + c + d - ab - cd - outer)
}

/**
 * @param {number} a
 * @param {number} b
 */
function less(a, b) {
  return (a - b) >>> 31
}

/**
 * @param {number} a
 * @param {number} b
 */
function lesser(a, b) {
  return b + ((a - b) & ((a - b) >> 31))
}
