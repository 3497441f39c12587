/** Frames after the first of the coders `mix` and `max`, section 5.2.9 of the specification. */
import { LEVEL } from '../level.js'
import { agreement, aroundHash } from './flags.js'
import { combine, hashKey, pack } from './hash.js'
import { NONE } from './match.js'
import { Motion } from './motion.js'
import { same } from './neighbourhood.js'
import { MORE_CONTEXTS } from './symbols.js'

const SHORTEST_SKIP = 32
const LONGEST_SKIP = 4096
const SURE_LENGTH = 16 // from here on a match gives a candidate
const SAME_MARK = 3 << 24
const SPAN_MARK = 1 << 24
const PIXEL_MARK = 2 << 24

export class LaterFrames {
  /** @param {import('./tile.js').MixingTile} tile whose first frame is decoded */
  constructor(tile) {
    const { around, flags, symbols } = tile
    this.tile = tile
    this.number = 0
    this.sameFrames = 0
    this.answers = 0
    this.motion = around.canMove ? new Motion(flags, around) : null
    /** From a pixel to its place in the reference, and in the frame two before. */
    this.back = 0
    this.backTwice = 0
    this.calm = 0
    // Columns of the row at hand.
    this.lastChange = NONE
    this.changing = 0
    this.broken = 0
    this.newsEnd = 0
    this.uniformEnd = 0
    // Neighbours of the pixel's place in the reference.
    this.p = 0
    this.pp = 0
    this.moved = 0
    around.isFirst = false
    symbols.extend(MORE_CONTEXTS, 3)
  }

  /** Decodes the next frame. */
  next() {
    const { around, match, flags, decoder } = this.tile
    const { width, height, stride, slots, size } = around
    if (this.isSame()) return decoder.check()
    this.begin()
    for (let y = 0; y < height; y++) {
      around.startRow(y)
      flags.startRow()
      if (match.match < 3 * stride || match.match >= slots * size) match.drop()
      this.lastChange = NONE
      this.changing = this.broken = this.newsEnd = this.uniformEnd = 0
      for (let x = 0; x < width; ) {
        around.look(x)
        x += this.pixels()
      }
      this.calm = this.lastChange < 0 ? this.calm + 1 : 0
      around.endRow()
      match.endRow()
      decoder.check()
    }
  }

  /** Whether the frame is the same as the one before. */
  isSame() {
    const { flags } = this.tile
    for (let c = 0; c < 6; c++) flags.keys[c] = SAME_MARK + (this.sameFrames >> Math.max(0, c - 2))
    const bit = flags.decode(19, 1280)
    this.sameFrames = ((this.sameFrames << 1) | bit) & 15
    return bit
  }

  /** What comes before the rows. */
  begin() {
    const { around, match } = this.tile
    const { size, slots, stride } = around
    const slot = (/** @type {number} */ number) => (number % slots) * size
    const before = slot(this.number)
    const twiceBefore = slot(Math.max(0, this.number - 1))
    const now = slot(++this.number)
    around.base = now + 3 * stride + 8
    this.back = before - now
    this.backTwice = twiceBefore - now
    if (match.match >= 0) {
      match.match += 3 * stride
      if (match.match >= slots * size) match.match -= slots * size
    }
    this.setMargins(before, now)
    if (this.motion && this.motion.read()) {
      this.motion.move(before)
      this.back = around.plane - now
      this.setMargins(around.plane, now)
    }
    this.calm = 0
  }

  /**
   * Sets the rows around the reference, and above the frame at hand.
   * @param {number} reference where it begins
   * @param {number} now where the frame begins
   */
  setMargins(reference, now) {
    const { cells, size, stride } = this.tile.around
    cells.copyWithin(reference + size, reference + size - stride, reference + size)
    const first = reference + 3 * stride
    for (const start of [reference, now]) {
      cells.copyWithin(start + stride, first, first + stride)
      cells.copyWithin(start + 2 * stride, first, first + stride)
    }
  }

  /** Decodes the current pixel, or a span from it on. Returns how many pixels these are. */
  pixels() {
    const { tile } = this
    const { cells, at, stride, w, n, nw, ne } = tile.around
    const there = at + this.back
    const above = there - stride
    this.p = cells[there]
    this.pp = cells[at + this.backTwice]
    this.moved =
      (same(w, cells[there - 1]) | (same(n, cells[above]) << 1) | (same(nw, cells[above - 1]) << 2) | (same(ne, cells[above + 1]) << 3)) ^ 15
    tile.match.find()
    const decided = this.moved === 0 ? this.still() : tile.flagged(SURE_LENGTH, this)
    if (decided > 0 && this.moved === 0) return decided // These are as in the reference.
    if (decided === 0) {
      this.setContexts()
      tile.coded()
    }
    this.compare(decided || 1)
    return decided || 1
  }

  /** The same by flags, where nothing around the pixel has moved. Returns 0 if they do not decide it. */
  still() {
    const { p, tile } = this
    const span = this.skipped()
    if (span > 0) return span
    if (this.isStill()) return tile.is(p)
    tile.excluded = p
    return 0
  }

  /**
   * Notes whether the pixels just decoded are as in the reference.
   * @param {number} count
   */
  compare(count) {
    const { cells, at, x } = this.tile.around
    const { back } = this
    let i = at + count - 1
    while (i >= at && cells[i] === cells[i + back]) i--
    if (i < at) return
    this.lastChange = x + i - at
    this.broken = 0
  }

  /** The distance to the last change in this row, as a level. */
  since() {
    return this.lastChange < 0 ? 15 : Math.min(LEVEL[Math.min(this.tile.around.x - this.lastChange, 4095)], 14)
  }

  /** Finds the next column, two or more ahead, in which the row above differs from the reference. */
  findChanging() {
    const { cells, at, x, stride, width } = this.tile.around
    if (this.changing >= x + 2) return
    const { back } = this
    const above = at - stride - x
    let column = x + 2
    while (column < width && cells[above + column] === cells[above + column + back]) column++
    this.changing = column
  }

  /** Tries to decode a span of pixels that are all as in the reference. Returns how many there are, 0 if none. */
  skipped() {
    const { x, width } = this.tile.around
    this.findChanging()
    let span = Math.min(this.changing >= width ? width - x : this.changing - 1 - x, LONGEST_SKIP)
    let whole = x >= this.broken ? 1 : 0
    if (!whole) span = Math.min(span, (this.broken - x) >> 1)
    if (span < SHORTEST_SKIP) return 0
    span = Math.min(span, this.findNewsEnd() - x)
    while (span >= SHORTEST_SKIP) {
      if (this.isSkipped(span, whole)) return span
      this.broken = x + span
      whole = 0
      span >>= 1
    }
    return 0
  }

  /** The next column in which P = PP is not what it is here. */
  findNewsEnd() {
    const { cells, at, x, width } = this.tile.around
    if (x < this.newsEnd) return this.newsEnd
    const { back, backTwice } = this
    const news = this.p !== this.pp
    let column = x + 1
    for (let i = at + 1; column < width && (cells[i + back] !== cells[i + backTwice]) === news; i++) column++
    return (this.newsEnd = column)
  }

  /**
   * Whether `span` cells of the reference are all the same.
   * @param {number} span
   */
  isUniform(span) {
    const { cells, at, x, width } = this.tile.around
    if (x >= this.uniformEnd) {
      const start = at + this.back - x
      let column = x + 1
      while (column < width && cells[start + column] === this.p) column++
      this.uniformEnd = column
    }
    return x + span <= this.uniformEnd ? 1 : 0
  }

  /**
   * @param {number} span
   * @param {number} whole
   */
  isSkipped(span, whole) {
    const { p, answers } = this
    const { around, match, flags } = this.tile
    const { cells, at, x, w, n, width } = around
    const { keys } = flags
    const size = LEVEL[Math.min(span, 4095)]
    const news = 1 - same(p, this.pp)
    const calm = LEVEL[Math.min(this.calm, 4095)]
    const since = this.since()
    const follows = this.follows(span)
    const more = whole | (follows << 1)
    keys[0] = size | (calm << 4) | (x === 0 ? 1 << 8 : 0) | (x + span >= width ? 1 << 9 : 0) | (more << 10)
    keys[1] = size | (this.below(span) << 4) | (news << 8) | (more << 9)
    keys[2] = p | (size << 8) | (this.isUniform(span) << 12) | (same(p, w) << 13) | (same(p, n) << 14) | (more << 15)
    keys[3] = answers | (size << 4) | (since << 8) | (more << 12)
    keys[4] = since | (size << 4) | (news << 8) | (calm << 9) | (more << 13)
    keys[5] = x | (news << 22) | (size > 6 ? 1 << 23 : 0)
    for (let c = 0; c < 6; c++) keys[c] += SPAN_MARK
    const bit = flags.decode(20 + 2 * news + whole, 1280 + ((size << 4) | since))
    this.answers = ((answers << 1) | bit) & 15
    if (bit) {
      cells.copyWithin(at, at + this.back, at + this.back + span)
      const last = at + span - 1
      const most = Math.min(span - 1, 256)
      let run = 0
      while (run < most && cells[last - run] === cells[last - run - 1]) run++
      around.run = run
      match.updateSpan(span, follows)
    }
    return bit
  }

  /**
   * Whether the cells from the match on are those of the reference: 0 without a match, 1 if so, else 2.
   * @param {number} span
   */
  follows(span) {
    const { around, match } = this.tile
    if (match.match < 0) return 0
    const { cells, at } = around
    const distance = match.match - at - this.back
    const start = at + this.back
    for (let i = start; i < start + span; i++) if (cells[i] !== cells[i + distance]) return 2
    return 1
  }

  /**
   * How many of the cells below differ between the reference and the frame two before, as a level.
   * @param {number} span
   */
  below(span) {
    const { cells, at, stride } = this.tile.around
    const start = at + stride + this.back
    const distance = this.backTwice - this.back
    let count = 0
    for (let i = start; i < start + span; i++) count += 1 - same(cells[i], cells[i + distance])
    return LEVEL[Math.min(count, 4095)]
  }

  /** Whether the pixel is P, when nothing around it has moved. */
  isStill() {
    const { p, pp, broken } = this
    const { around, match, flags } = this.tile
    const { cells, at, x, w, n, ne, flat, stride } = around
    const { keys } = flags
    const there = at + this.back
    const pe = cells[there + 1]
    const ps = cells[there + stride]
    const psw = cells[there + stride - 1]
    const agree = agreement(match.matched, match.similarity, p)
    const inside = x >= broken ? 9 : Math.min(broken - x, 8)
    const ahead = Math.min(this.changing - x - 2, 8)
    const alike = same(p, w) | (same(p, n) << 1) | (same(p, ne) << 2) | (same(p, pe) << 3) | (same(p, ps) << 4)
    const since = this.since()
    const news = 1 - same(p, pp)
    const isInside = inside < 9 ? 1 : 0
    keys[0] = PIXEL_MARK + (alike | (inside << 5) | (since << 9) | (news << 13) | (Math.min(ahead, 3) << 14))
    keys[1] = combine(pack(p, w, n, ne), pack(pe, ps, pp, 0))
    keys[2] = PIXEL_MARK + (p | (agree << 8) | (news << 13))
    keys[3] = PIXEL_MARK + (agree | (match.lengthClass << 5) | (flat << 8) | (news << 9) | (isInside << 10) | (alike << 11))
    keys[4] = PIXEL_MARK + (since | (inside << 4) | (LEVEL[Math.min(this.calm, 4095)] << 8) | (flat << 12) | (ahead << 13))
    keys[5] = combine(aroundHash(around), pack(p, pe, ps, psw))
    return flags.decode(24 + ((news << 1) | isInside), 1536 + ((alike << 4) | inside))
  }

  /**
   * Adds to the keys of a flag for a span of pixels that are all W.
   * @param {number} span
   */
  addSpanKeys(span) {
    const { keys } = this.tile.flags
    const { cells, at } = this.tile.around
    const there = at + this.back
    const end = there + span
    let i = there
    while (i < end && cells[i] === cells[i - 1]) i++
    const even = (i === end ? 2 : i === there ? 3 : 1) << 21
    keys[2] += even
    keys[3] += even
    keys[4] += even
  }

  /** Adds to the keys of a flag for a single pixel that is the candidate. */
  addSingleKeys() {
    const { p } = this
    const { keys } = this.tile.flags
    const { cells, at, stride } = this.tile.around
    const there = at + this.back
    const pw = cells[there - 1]
    const pn = cells[there - stride]
    const pe = cells[there + 1]
    const edges = (same(p, pw) | (same(p, pn) << 1) | (same(p, pe) << 2) | (same(p, cells[there + stride]) << 3) | 16) << 21
    keys[2] += edges
    keys[4] += edges
    keys[5] = combine(keys[5], pack(p, pw, pn, pe))
  }

  /** Tells the mixer what is around the pixel, and around its place in the reference. */
  setContexts() {
    const { p, pp, moved, tile } = this
    const { around, match, symbols, guesses, max } = tile
    const { cells, at, w, n, stride } = around
    const { bases, biasRanks, hitRanks, hitContexts } = symbols
    symbols.p5 = guesses.makeLater(p, moved)
    tile.setCommonContexts()
    const there = at + this.back
    const pe = cells[there + 1]
    const ps = cells[there + stride]
    const pse = cells[there + stride + 1]
    const ahead = pack(p, pe, ps, pse)
    const c = symbols.contexts - MORE_CONTEXTS
    const known = same(p, pp)
    const situation = moved | (known << 4) | (same(p, w) << 5) | (same(p, n) << 6)
    bases[4] = hashKey(p | (moved << 8) | (known << 12))
    bases[c] = hashKey(pack(p, w, n, 0))
    bases[c + 1] = hashKey(combine(ahead, pp))
    if (max) {
      const pw = cells[there - 1]
      const pn = cells[there - stride]
      const pnw = cells[there - stride - 1]
      const pne = cells[there - stride + 1]
      const psw = cells[there + stride - 1]
      bases[10] = hashKey(combine(around.y * stride + around.x + 3 * stride + 8, p))
      bases[12] = hashKey(combine(combine(ahead, pack(psw, pw, pnw, pne)), pack(w, n, pp, pn)))
    }
    biasRanks[2] = p
    symbols.reference = p
    symbols.situation = situation | (match.matched === p ? 128 : 0)
    const i = max ? 3 : 1
    hitRanks[i] = p
    hitRanks[i + 1] = known ? NONE : pp
    hitContexts[i] = (5 << 9) | situation
    hitContexts[i + 1] = (6 << 9) | moved
  }
}
