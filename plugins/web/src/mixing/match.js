/** The match model, section 5.2.5 of the specification: where the same neighbourhood was last seen. */
import { combine, hashKey, pack } from './hash.js'
import { bitLength } from './tables.js'

export const NONE = -1
const POSITION = 0x7ffffff

export class MatchModel {
  /**
   * @param {import('./neighbourhood.js').Neighbourhood} around
   * @param {boolean} hasSecond
   */
  constructor(around, hasSecond) {
    const { cells, width, height, frames } = around
    this.around = around
    this.view = new DataView(cells.buffer)
    this.hasSecond = hasSecond
    const bits = Math.min(16, Math.max(8, bitLength(width * height * frames)))
    this.mask = (1 << bits) - 1
    // Entries are check << 27 | position, or -1 if empty.
    this.latest = new Int32Array(1 << bits).fill(NONE)
    this.latestShort = hasSecond ? new Int32Array(1 << bits).fill(NONE) : this.latest
    this.match = NONE
    this.length = 0
    this.similarity = 0
    this.second = NONE
    this.secondSimilarity = 0
    /** The rank at the match. */
    this.matched = NONE
    this.lengthClass = 0
  }

  /** To be called before each pixel. */
  find() {
    const { around } = this
    if (this.match >= 0) {
      this.match++
      this.similarity = around.flat ? 16 : this.similar(this.match, around.at)
      if (this.similarity < 8) this.match = NONE
    }
    this.second = NONE
    this.secondSimilarity = 0
    if (!around.flat) this.lookUp()
    if (this.match < 0) this.length = this.similarity = 0
    const { length } = this
    this.matched = this.match < 0 ? NONE : around.cells[this.match]
    this.lengthClass = length < 1 ? 0 : length < 4 ? 1 : length < 16 ? 2 : length < 32 ? 3 : length < 128 ? 4 : 5
  }

  lookUp() {
    const { around, latest, mask } = this
    const { at, w, ww, www, n, nw, ne, nww, nee, nn, nnw, nne, nnee } = around
    const f = pack(nw, ne, nww, nee)
    const hash = hashKey(combine(combine(pack(w, ww, www, n), f), pack(nn, nnw, nne, nnee)))
    if (this.match < 0) {
      const entry = latest[hash & mask]
      if (entry >= 0 && entry >> 27 === hash >> 27) {
        this.match = entry & POSITION
        this.similarity = this.similar(this.match, at)
        if (this.similarity < 8) this.match = NONE
      }
      this.length = 0
    }
    latest[hash & mask] = (hash & ~POSITION) | at
    if (this.hasSecond) this.lookUpSecond(hashKey(combine(combine(pack(w, ww, n, nn), f), nne)), at)
  }

  /**
   * @param {number} hash
   * @param {number} at
   */
  lookUpSecond(hash, at) {
    const { latestShort, mask } = this
    const entry = latestShort[hash & mask]
    if (entry >= 0 && entry >> 27 === hash >> 27) {
      const position = entry & POSITION
      const similarity = this.similar(position, at)
      if (similarity >= 4) {
        this.second = this.around.cells[position]
        this.secondSimilarity = similarity
      }
    }
    latestShort[hash & mask] = (hash & ~POSITION) | at
  }

  /**
   * How many of 16 cells around p and q are equal. Four at a time are read and compared.
   * @param {number} p
   * @param {number} q
   */
  similar(p, q) {
    const { view } = this
    const { stride } = this.around
    const above = stride + 3
    const above2 = 2 * stride + 1
    const counts =
      equalBytes(view.getInt32(p - 4, true) ^ view.getInt32(q - 4, true)) +
      equalBytes(view.getInt32(p - above, true) ^ view.getInt32(q - above, true)) +
      equalBytes(view.getInt32(p - above + 4, true) ^ view.getInt32(q - above + 4, true)) +
      equalBytes(view.getInt32(p - above2, true) ^ view.getInt32(q - above2, true))
    return Math.imul(counts, 0x01010101) >>> 24
  }

  /**
   * To be called after each pixel.
   * @param {number} pixel
   */
  update(pixel) {
    if (this.matched === pixel) this.length++
    else this.drop()
  }

  drop() {
    this.match = NONE
    this.length = 0
  }

  /**
   * Whether the cells from the match on are all W, as a span would be: 0 without a match, 1 if so, else 2.
   * @param {number} span
   */
  follows(span) {
    if (this.match < 0) return 0
    const { cells, at, w } = this.around
    // In later frames a match can be at the pixel or ahead of it.
    const end = this.match < at ? Math.min(this.match + span, at) : this.match + span
    for (let i = this.match; i < end; i++) if (cells[i] !== w) return 2
    return 1
  }

  /**
   * To be called after a span, with what `follows` said of it.
   * @param {number} span
   * @param {number} follows
   */
  updateSpan(span, follows) {
    if (follows !== 1) return this.drop()
    this.match += span - 1
    this.length += span
  }

  endRow() {
    if (this.match >= 0) this.match += 16
  }
}

/**
 * A 1 in the lowest bit of each byte that is 0.
 * @param {number} v
 */
function equalBytes(v) {
  return (~(((v & 0x7f7f7f7f) + 0x7f7f7f7f) | v | 0x7f7f7f7f) >>> 7) | 0
}
