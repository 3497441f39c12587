/** Frames after the first of the coder `fast`, section 5.3.6 of the specification. */
import { LEVEL } from '../level.js'
import { BEFORE, FRAME, LATER, PLACED, SAME, SECOND, SPAN, STEADY, withLaterContexts } from './frame-contexts.js'
import { canMove, Motion } from './motion.js'
import { C1, C2, C3, candidate, learn, LONG_TRUST, lookUp, mixed, NONE, SHORT_TRUST, slotTable, which } from './slots.js'
import { ACTIVITY, equalities, LEFT, RIGHT } from './tile.js'

const LONGEST_STEADY = 4096
/** By the confidence of a slot: how much it says about a candidate. */
const PLACE_TRUST = Uint8Array.of(0, 2, 2, 3, 3, 3, 3, 3, 3)

export class LaterFrames {
  /** @param {import('./tile.js').RankingTile} tile whose first frame is decoded */
  constructor(tile) {
    this.tile = tile
    tile.decisions.state = withLaterContexts(tile.decisions.state)
    this.place = slotTable(tile.width * tile.height * tile.frames, 18)
    /** The positions of the first pixels of the frames before and two before; and of a plane for a moved frame. */
    this.before = tile.start
    this.twiceBefore = tile.start
    this.moved = tile.start + 3 * tile.planeSize
    this.motion = canMove(tile.width * tile.height) ? new Motion(tile.decisions, tile.width, tile.height) : null
    this.plane = 0
    this.counted = 1
    /** From a pixel to its place in the reference, and in the frame two before. */
    this.back = 0
    this.backTwice = 0
    this.sameFrames = 0
    this.steadySpans = 0
    this.sameRows = 7
    this.rowFlags = new Uint8Array(tile.height).fill(1)
    this.hasMoved = 0
    this.stirred = 0
    // Columns of the row at hand.
    this.turn = 0
    this.news = 0
    this.broken = 0
    this.last = NONE
  }

  /** Decodes the next frame. */
  next() {
    const { tile } = this
    const { decisions, height, stride } = tile
    const same = decisions.flag(FRAME + this.sameFrames)
    this.sameFrames = ((this.sameFrames << 1) | same) & 7
    if (same) return decisions.check()
    this.begin()
    for (let y = 0; y < height; y++) {
      this.row(tile.start + y * stride, y)
      decisions.check()
    }
  }

  /** What comes before the rows. */
  begin() {
    const { tile, motion } = this
    const { cells, stride } = tile
    this.twiceBefore = this.counted === 1 ? tile.start : this.before
    this.before = tile.start
    this.counted++
    this.plane = (this.plane + 1) % 3
    tile.start = 2 * stride + LEFT + this.plane * tile.planeSize
    let reference = this.before
    const hadMoved = this.hasMoved
    this.hasMoved = motion ? motion.read() : 0
    if (motion && this.hasMoved) {
      reference = this.moved
      motion.move(cells, stride, this.before, reference)
      for (let y = 0; y < tile.height; y++) tile.setMargins(reference + y * stride, y)
    }
    this.stirred = this.hasMoved | hadMoved
    this.setMargins(reference)
    this.back = reference - tile.start
    this.backTwice = this.twiceBefore - tile.start
    this.sameRows = 7
  }

  /**
   * The rows above and below the reference, and above the frame.
   * @param {number} reference
   */
  setMargins(reference) {
    const { cells, stride, width, height, start } = this.tile
    const last = reference + (height - 1) * stride
    cells.fill(cells[reference], reference - LEFT, reference)
    cells.fill(cells[last + width - 1], last + width, last + width + RIGHT)
    const from = reference - LEFT
    cells.copyWithin(last - LEFT + stride, last - LEFT, last - LEFT + stride)
    for (const to of [from - stride, from - 2 * stride, start - LEFT - stride, start - LEFT - 2 * stride]) {
      cells.copyWithin(to, from, from + stride)
    }
  }

  /**
   * @param {number} start
   * @param {number} y
   */
  row(start, y) {
    const { tile, back, rowFlags } = this
    const { cells, decisions, width } = tile
    tile.setMargins(start, y)
    const stirred = this.stirred | (rowFlags[y] ^ 1)
    const same = (rowFlags[y] = decisions.flag(SAME + ((stirred << 3) | this.sameRows)))
    const about = (this.sameRows & 1) << 2
    this.sameRows = ((this.sameRows << 1) | same) & 7
    if (same) cells.copyWithin(start, start + back, start + back + width)
    else if (!tile.isRepeated(start)) this.pixels(start, y, about)
  }

  /**
   * @param {number} start
   * @param {number} y
   * @param {number} about
   */
  pixels(start, y, about) {
    const { tile, back } = this
    const { cells, stride, width } = tile
    tile.change = this.turn = this.news = this.broken = 0
    this.last = NONE
    for (let x = 0; x < width; ) {
      const at = start + x
      const above = at - stride
      const p = at + back
      const w = cells[at - 1]
      const n = cells[above]
      const nw = cells[above - 1]
      const ne = cells[above + 1]
      const flat = w === n && w === nw && w === ne
      let changed = 0
      if (nw === cells[p - stride - 1] && n === cells[p - stride] && ne === cells[p - stride + 1] && w === cells[p - 1]) {
        const span = this.steady(start, x, about)
        if (span > 0) {
          x += span
          continue
        }
        changed = 1
      }
      if (flat && !(changed && w === cells[p])) x = this.flat(start, x, y, changed)
      else this.pixel(at, x++, y, flat ? 1 : 0, changed)
    }
  }

  /**
   * Decodes how many pixels from column x on are the same as in the reference. If none, the next one differs.
   * @param {number} start
   * @param {number} x
   * @param {number} about
   */
  steady(start, x, about) {
    const { tile, back } = this
    const { cells, decisions, width, stride } = tile
    const at = start + x
    const p = cells[at + back]
    if (p === cells[at + back - 1]) about |= 2
    if (p === cells[at + back + 1]) about |= 1
    const last = this.last < 0 ? 15 : Math.min(LEVEL[Math.min(x - this.last, 4095)], 14)
    const turn = this.findTurn(start - stride, x)
    const news = this.findNews(start, x)
    let whole = x >= this.broken ? 1 : 0
    let span = whole ? Math.min(turn >= width ? width - x : turn - 1 - x, LONGEST_STEADY) : this.broken - x
    while (whole || span > 1) {
      if (!whole) span = (span + 1) >> 1
      const size = LEVEL[Math.min(span, 4095)]
      const restless = news < x + span ? 1 : 0
      const kind = (((((size << 1) | whole) << 1) | restless) << 3) | about
      const steady = decisions.flag(STEADY + ((((kind << 4) | last) << 2) | this.steadySpans))
      this.steadySpans = ((this.steadySpans << 1) | steady) & 3
      if (steady) {
        if (span > 32) cells.copyWithin(at, at + back, at + back + span)
        else for (let i = at; i < at + span; i++) cells[i] = cells[i + back]
        return span
      }
      this.broken = x + span
      whole = 0
    }
    this.broken = 0
    return 0
  }

  /**
   * The next column, two or more ahead, in which the row above differs from the reference.
   * @param {number} above the position of the first pixel of the row above
   * @param {number} x
   */
  findTurn(above, x) {
    if (this.turn >= x + 2) return this.turn
    const { cells, width } = this.tile
    const { back } = this
    let column = x + 2
    while (column < width && cells[above + column] === cells[above + column + back]) column++
    return (this.turn = column)
  }

  /**
   * The next column in which the reference differs from the frame two before.
   * @param {number} start
   * @param {number} x
   */
  findNews(start, x) {
    const { cells, width } = this.tile
    const { back, backTwice } = this
    let column = Math.max(x, this.news)
    while (column < width && cells[start + column + back] === cells[start + column + backTwice]) column++
    return (this.news = column)
  }

  /**
   * Decodes a span, or the pixels up to and including the first one that differs. Returns the next column.
   * @param {number} start
   * @param {number} x
   * @param {number} y
   * @param {number} changed
   */
  flat(start, x, y, changed) {
    const { tile, back } = this
    const { cells } = tile
    const at = start + x
    const p = at + back
    const w = cells[at - 1]
    const context = ((cells[p - 1] === w ? 4 : 0) | (cells[p + 1] === w ? 2 : 0) | (cells[p] === w ? 1 : 0)) << 8
    const next = tile.flatSpan(start, x, SPAN + context)
    if (tile.whole) return next
    this.pixel(start + next, next, y, 1, next > x ? 0 : changed)
    return next + 1
  }

  /**
   * @param {number} at
   * @param {number} x
   * @param {number} y
   * @param {number} flat 0 or 1; a flat pixel here is not W
   * @param {number} changed 0 or 1; a changed pixel is not P
   */
  pixel(at, x, y, flat, changed) {
    const { tile, place } = this
    const { cells, stride, distances, decisions, long, short } = tile
    const above = at - stride
    const w = cells[at - 1]
    const ww = cells[at - 2]
    const n = cells[above]
    const nw = cells[above - 1]
    const ne = cells[above + 1]
    const nn = cells[above - stride]
    const there = at + this.back
    const p = cells[there]
    const pn = there - stride

    // The slots of the three keys.
    const h = tile.longKey(at)
    const g = mixed(Math.imul(nw | (n << 8) | (p << 16) | (w << 24), C1), C2)
    const f = mixed(((Math.imul(y, C1) ^ Math.imul(x, C2)) + Math.imul(p | (w << 8), C3)) | 0, C1)
    const longSlot = lookUp(long, h)
    const shortSlot = lookUp(short, g)
    const placeSlot = lookUp(place, f)
    const notW = flat ? w : NONE
    const notP = changed ? p : NONE
    const longColour = candidate(longSlot, notW, notP)
    const shortColour = candidate(shortSlot, notW, notP)
    const sure = longColour >= 0 ? longSlot & 15 : 0
    const sure2 = shortColour >= 0 ? shortSlot & 15 : 0

    const equal = equalities(w, ww, n, nn, nw, ne)
    const dw = distances[(w << 8) | nw]
    const dn = distances[(n << 8) | nw]
    const activity = ACTIVITY[dw + dn + distances[(n << 8) | ne]]
    const excluded = changed || (flat && p === w)

    let pixel = NONE
    let first = NONE
    let second = NONE
    let third = NONE
    if (longColour >= 0 || shortColour >= 0) {
      first = longColour >= 0 ? longColour : shortColour
      let m = SHORT_TRUST[sure2]
      if (longColour >= 0 && shortColour >= 0 && shortColour !== longColour) {
        m = 1
        second = shortColour
      }
      const s = 4 * LONG_TRUST[sure] + m
      const e = excluded ? 2 : first === p ? 1 : 0
      const a = placeSlot === 0 ? 0 : ((placeSlot >> 8) & 255) !== first ? 1 : PLACE_TRUST[placeSlot & 15]
      const kind = ((3 * flat + e) * 24 + s) * 4 + which(first, w, n, ne)
      if (decisions.flag(LATER + ((kind << 5) | ((equal & 28) | a)))) pixel = first
    }
    const moved = (cells[pn - 1] !== nw ? 1 : 0) | (cells[pn] !== n ? 2 : 0) | (cells[pn + 1] !== ne ? 4 : 0) | (cells[there - 1] !== w ? 8 : 0)
    if (pixel < 0 && second >= 0) {
      const kind = (3 * Math.min(sure2, 4) + Math.min(which(second, w, n, ne), 2)) * 2 + (second === p ? 1 : 0)
      if (decisions.flag(SECOND + ((kind << 4) | moved))) pixel = second
    }
    if (pixel < 0) {
      const colour = candidate(placeSlot, notW, notP)
      if (colour !== first && colour !== second) third = colour
      if (third >= 0) {
        const kind = (((((placeSlot & 15) << 2) | which(third, w, n, ne)) << 2) | Math.min(sure, 3)) << 2
        if (decisions.flag(PLACED + (((kind | Math.min(sure2, 3)) << 1) | (third === p ? 1 : 0)))) pixel = third
      }
    }
    if (pixel < 0 && !excluded && p !== first && p !== second && p !== third) {
      const like =
        (p === w ? 1 : 0) |
        (p === n ? 2 : 0) |
        (p === ne ? 4 : 0) |
        (p === cells[there + 1] ? 8 : 0) |
        (p === cells[there + stride] ? 16 : 0)
      if (decisions.flag(BEFORE + ((((moved << 5) | like) << 1) | (first >= 0 ? 1 : 0)))) pixel = p
    }
    if (pixel < 0) {
      pixel = tile.unexpected(w, n, ne, dw < dn ? n : w, flat, activity, equal, sure > 0 ? 1 : 0, first, second, third, p)
    }
    cells[at] = pixel
    if (pixel !== p) this.last = x
    learn(long, h, longSlot, pixel)
    learn(short, g, shortSlot, pixel)
    learn(place, f, placeSlot, pixel)
  }
}
