/** Coding a rank, section 5.2.8 of the specification: what its nibbles depend on. */
import { BIAS_ROWS, Mixer } from './mixer.js'
import { bitLength } from './tables.js'

/**
 * @typedef {object} Variant
 * @property {number} contexts
 * @property {number} hits
 * @property {number} maxBits of a slot table
 * @property {number} biases
 * @property {number} ease
 * @property {number} paceA
 * @property {number} paceB
 */

/** @type {Record<'mix' | 'max', Variant>} */
export const VARIANTS = {
  mix: { contexts: 5, hits: 1, maxBits: 14, biases: 6, ease: 112, paceA: 240, paceB: 2072576 },
  max: { contexts: 13, hits: 5, maxBits: 16, biases: 8, ease: 64, paceA: 168, paceB: 1802240 },
}

export const MORE_CONTEXTS = 2 // in frames after the first
const NONE = -1

export class SymbolCoder extends Mixer {
  /**
   * @param {Uint8Array} bytes of the tile
   * @param {Variant} variant
   * @param {number} n pixels of the tile
   * @param {number} frames
   * @param {Int32Array} colours R, G, B, A of each rank, premultiplied
   */
  constructor(bytes, variant, n, frames, colours) {
    const bits = Math.min(variant.maxBits, Math.max(8, bitLength(2 * n)))
    super(bytes, variant, bits, frames > 1 ? MORE_CONTEXTS : 0, colours)
    // What the pixel gives, beside what is in the memory: ranks of biases and hits, rows of weights.
    this.biasRanks = new Int32Array(variant.biases)
    this.hitRanks = new Int32Array(8)
    this.activity = 0
    this.texture = 0
    // In frames after the first, rows by what is known from the frame before take the place of rows by p5.
    this.situation = NONE
    this.reference = NONE
  }

  /**
   * Decodes a rank.
   * @param {number} excluded a rank that it is not, or -1
   */
  rank(excluded) {
    const { k, p5, situation, reference } = this
    let high = 0
    let guessRow = situation < 0 ? p5 : situation
    if (k > 16) {
      this.setHighRows()
      const impossible = excluded >= 0 && k - (excluded & 240) === 1 ? excluded >> 4 : NONE
      high = this.nibble(0, this.activity, this.texture, guessRow, (k + 15) >> 4, impossible)
      guessRow = situation < 0 ? (high << 4) | (p5 >> 4) : (situation & ~64) | (reference >> 4 === high ? 64 : 0)
    }
    this.setLowRows(high, k > 16 ? 256 : 0)
    const impossible = excluded >= 0 && excluded >> 4 === high ? excluded & 15 : NONE
    const count = Math.min(16, k - 16 * high)
    return (high << 4) | this.nibble(1 + high, 16 + this.activity, 512 + this.texture, 256 + guessRow, count, impossible)
  }

  /** Sets the rows of biases and the symbols of hits for the high nibble. */
  setHighRows() {
    const { biasRanks, biasRows, hitRanks, hitSymbols, hits } = this
    for (let j = 0; j < biasRanks.length; j++) biasRows[j] = j * BIAS_ROWS + biasRanks[j]
    for (let i = 0; i < hits; i++) hitSymbols[i] = hitRanks[i] >> 4 // none stays -1
  }

  /**
   * The same for the low nibble.
   * @param {number} high
   * @param {number} first row of biases for ranks below this high nibble
   */
  setLowRows(high, first) {
    const { biasRanks, biasRows, hitRanks, hitSymbols, hits } = this
    for (let j = 0; j < biasRanks.length; j++) {
      const v = biasRanks[j]
      biasRows[j] = j * BIAS_ROWS + (v >> 4 === high ? first + v : 512 + ((v & 240) | high))
    }
    for (let i = 0; i < hits; i++) hitSymbols[i] = hitRanks[i] >> 4 === high ? hitRanks[i] & 15 : NONE
  }
}
