/** The coders `mix` and `max`, section 5.2 of the specification: many small models, and a mixer. */
import { checkTileSize } from '../range-coder.js'
import { FlagModel } from './flags.js'
import { LaterFrames } from './frames.js'
import { Guesses } from './guesses.js'
import { combine, hashKey, pack } from './hash.js'
import { MatchModel, NONE } from './match.js'
import { Neighbourhood } from './neighbourhood.js'
import { rankOrder } from './ranks.js'
import { SymbolCoder, VARIANTS } from './symbols.js'

const SURE_LENGTH = 36 // from here on a match gives a candidate

export class MixingTile {
  /**
   * @param {Uint8Array} bytes
   * @param {import('../tile.js').TileShape} shape
   * @param {'mix' | 'max'} coder
   */
  constructor(bytes, { width, height, frames, colors, colours }, coder) {
    checkTileSize(width, height, frames)
    this.max = coder === 'max'
    this.order = rankOrder(colours, colors)
    // From here on a colour is its rank.
    const ranked = new Int32Array(4 * colors)
    this.order.forEach((index, rank) => ranked.set(colours.subarray(4 * index, 4 * index + 4), 4 * rank))
    const opaque = ranked.every((value, i) => (i & 3) < 3 || value === 255)

    this.symbols = new SymbolCoder(bytes, VARIANTS[coder], width * height * frames, frames, ranked)
    this.decoder = this.symbols.decoder
    this.around = new Neighbourhood(width, height, frames)
    this.match = new MatchModel(this.around, this.max)
    this.flags = new FlagModel(this.decoder, this.around, this.match)
    this.guesses = new Guesses(this.around, ranked, opaque)
    /** A rank that the pixel is not, or -1. */
    this.excluded = NONE
    /** How many frames have been decoded. */
    this.done = 0
    /** @type {LaterFrames | null} */
    this.later = null
  }

  /** The indices of the next frame. */
  read() {
    this.skip()
    const { width, height } = this.around
    const indices = new Uint8Array(width * height)
    for (let y = 0; y < height; y++) this.copyRow(y, indices)
    return indices
  }

  /** Passes over the next frame. */
  skip() {
    let isOver = true // also if an error ends it
    try {
      if (this.done === 0) this.firstFrame()
      else (this.later ??= new LaterFrames(this)).next()
      isOver = ++this.done === this.around.frames
      if (isOver) this.decoder.finish()
    } finally {
      if (isOver) this.symbols.release()
    }
  }

  firstFrame() {
    const { around, match, flags, guesses } = this
    const { width, height } = around
    for (let y = 0; y < height; y++) {
      around.startRow(y)
      guesses.startRow()
      flags.startRow()
      for (let x = 0; x < width; ) {
        around.look(x)
        x += this.pixels()
      }
      around.endRow()
      match.endRow()
      this.decoder.check()
    }
  }

  /**
   * @param {number} y
   * @param {Uint8Array} indices
   */
  copyRow(y, indices) {
    const { order } = this
    const { cells, base, stride, width } = this.around
    const from = base + y * stride
    const to = y * width
    for (let x = 0; x < width; x++) indices[to + x] = order[cells[from + x]]
  }

  /** Decodes the current pixel, or a span from it on. Returns how many pixels these are. */
  pixels() {
    const { match, guesses } = this
    match.find()
    const decided = this.flagged(SURE_LENGTH, null)
    if (decided > 0) {
      guesses.skip(decided)
      return decided
    }
    guesses.make()
    this.setContexts()
    guesses.update(this.coded())
    return 1
  }

  /**
   * Lets flags decide whether the current pixel, or a span from it on, is the candidate, if there is one. Returns how many
   * pixels were decided, 0 if none.
   * @param {number} sure from this length on a match gives a candidate
   * @param {LaterFrames | null} later in frames after the first
   */
  flagged(sure, later) {
    const { around, match, flags } = this
    this.excluded = NONE
    if (!around.flat && (match.length < sure || match.similarity < 14)) return 0
    const candidate = around.flat ? around.w : match.matched
    flags.findChange()
    const span = flags.span(later)
    if (span > 0) around.put(candidate, span)
    else if (flags.single(candidate, later)) return this.is(candidate)
    else this.excluded = candidate
    return span
  }

  /**
   * Takes note of a pixel that was decided alone. Returns 1.
   * @param {number} pixel
   */
  is(pixel) {
    this.around.put(pixel, 1)
    this.match.update(pixel)
    return 1
  }

  /** Decodes a pixel for which the contexts are set. Returns it. */
  coded() {
    const pixel = this.symbols.rank(this.excluded)
    this.is(pixel)
    return pixel
  }

  /** Tells the mixer what is around the pixel. */
  setContexts() {
    const { guesses, symbols } = this
    const { bases, biasRanks } = symbols
    const p5 = guesses.snap(5)
    symbols.p5 = p5
    this.setCommonContexts()
    bases[4] = hashKey(guesses.snap(1) | ((guesses.activity >> 1) << 8))
    biasRanks[2] = p5
    if (!this.max) return
    const { hitRanks, hitContexts } = symbols
    const { w, n, nw, ne } = this.around
    bases[10] = hashKey(guesses.snap(3) | (guesses.snap(4) << 8))
    bases[12] = hashKey(guesses.snap(0) | (guesses.activity << 8))
    hitRanks[3] = n === w ? NONE : n
    hitRanks[4] = nw !== w && nw !== n ? nw : ne !== w && ne !== n ? ne : NONE
    hitContexts[3] = (3 << 9) | guesses.texture
    hitContexts[4] = (4 << 9) | guesses.texture
  }

  /** The part of it that is the same in all frames. */
  setCommonContexts() {
    const { guesses, match, symbols } = this
    const { w, n, nw, ne, nee, nn, ww } = this.around
    const { bases, biasRanks, hitRanks, hitContexts } = symbols
    symbols.activity = guesses.activity
    symbols.texture = guesses.texture
    symbols.width = guesses.doubt >> 1

    bases[0] = hashKey(pack(w, n, nw, ne))
    bases[1] = hashKey(n | (nn << 8))
    bases[2] = hashKey(w | (ww << 8))
    bases[3] = hashKey(
      (match.matched + 1) | ((match.second + 1) << 9) | ((match.similarity >> 2) << 18) | ((match.secondSimilarity >> 2) << 22),
    )
    biasRanks[0] = w
    biasRanks[1] = n
    biasRanks[3] = nee
    biasRanks[4] = ne
    biasRanks[5] = nw
    hitRanks[0] = match.matched
    hitContexts[0] = (match.lengthClass << 4) | Math.min(match.similarity, 15)
    if (this.max) this.setMoreContexts()
  }

  /** What only `max` uses. */
  setMoreContexts() {
    const { guesses, match, symbols } = this
    const { w, n, nw, ne, nn, nne, nnw, nnee, www, ww, nwww, nww, nee, neee, run, x } = this.around
    const { bases, biasRanks, hitRanks, hitContexts } = symbols
    const q = combine(combine(pack(w, n, nw, ne), pack(ww, nn, nne, nee)), pack(nwww, nww, nee, neee))
    bases[5] = hashKey(w | (run > 0 ? 1 << 8 : 0))
    bases[6] = hashKey(combine(q, nnw | (nnee << 8) | (www << 16)))
    bases[7] = hashKey(n | (ne << 8))
    bases[8] = hashKey(w | (ne << 8))
    bases[9] = hashKey(x)
    bases[11] = hashKey(w | (nw << 8) | (n << 16))
    biasRanks[6] = nn
    biasRanks[7] = nne
    hitRanks[1] = match.second
    hitRanks[2] = w
    hitContexts[1] = (1 << 9) | match.secondSimilarity
    hitContexts[2] = (2 << 9) | guesses.texture
  }
}
