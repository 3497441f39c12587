/** Priors, at the end of section 5.2.7 of the specification: what a context that is new expects. */
import { far } from './guesses.js'
import { fraction, LEAST, SPREAD } from './tables.js'

const NODES = 17
const SIZE = NODES * 8

/** Logarithms of symbols, for each of 17 nodes, by the rank p5 and the width d; made when they are first needed. */
export class Priors {
  /** @param {Int32Array} colours R, G, B, A of each rank, premultiplied */
  constructor(colours) {
    this.colours = colours
    this.k = colours.length >> 2
    /** In pairs, as the mixer stores them. */
    this.logs = new Int32Array(this.k * 8 * SIZE)
    /** Which nodes are made, a bit for each. */
    this.made = new Int32Array(this.k * 8)
    this.masses = new Int32Array(16)
    this.groups = new Int32Array(16)
    this.sixteen = new Int32Array(16)
  }

  /**
   * The offset in `logs` of the prior of a node.
   * @param {number} p5
   * @param {number} d
   * @param {number} node
   */
  find(p5, d, node) {
    const which = (p5 << 3) | d
    const at = which * SIZE + (node << 3)
    if ((this.made[which] >> node) & 1) return at
    this.made[which] |= 1 << node
    if (node === 0) this.makeHigh(at, p5, d)
    else this.makeLow(at, p5, d, node - 1)
    return at
  }

  /**
   * @param {number} at
   * @param {number} p5
   * @param {number} d
   */
  makeHigh(at, p5, d) {
    const { groups, sixteen } = this
    let total = 0
    for (let high = 0; high < 16; high++) total += groups[high] = this.group(p5, d, high)
    for (let high = 0; high < 16; high++) sixteen[high] = fraction(groups[high], total)
    if (sixteen[0] === 0) sixteen[0] = -1
    this.store(at, sixteen)
  }

  /**
   * @param {number} at
   * @param {number} p5
   * @param {number} d
   * @param {number} high
   */
  makeLow(at, p5, d, high) {
    const { masses, sixteen } = this
    const total = this.group(p5, d, high)
    for (let i = 0; i < 16; i++) sixteen[i] = fraction(masses[i], total)
    this.store(at, sixteen)
  }

  /**
   * @param {number} at
   * @param {Int32Array} logs
   */
  store(at, logs) {
    for (let i = 0; i < 8; i++) this.logs[at | i] = (logs[2 * i] - LEAST) | ((logs[2 * i + 1] - LEAST) << 16)
  }

  /**
   * Sets the masses of the 16 ranks below a high nibble, and returns their sum.
   * @param {number} p5
   * @param {number} d
   * @param {number} high
   */
  group(p5, d, high) {
    const { colours: c, masses, k } = this
    const spread = SPREAD[d]
    const q = 4 * p5
    let sum = 0
    for (let i = 0; i < 16; i++) {
      const rank = 16 * high + i
      const p = 4 * rank
      masses[i] = 0
      if (rank >= k) continue
      const distance = far(c[p] - c[q], c[p + 1] - c[q + 1], c[p + 2] - c[q + 2], c[p + 3] - c[q + 3])
      const near = ((spread << 12) / (spread + distance)) | 0
      masses[i] = (Math.imul(near, near) >> 9) + 3
      sum += masses[i]
    }
    return sum
  }
}
