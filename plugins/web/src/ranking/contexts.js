/** Where each kind of flag and symbol of the coder `fast` has its contexts, and what these initially are. */
import { flagContext } from './decisions.js'

// Offsets of the contexts of flags.
export const ROW = 0
export const SPAN = ROW + 8
export const NUMBER = SPAN + 256
export const BIT = NUMBER + 64
export const SECOND = BIT + 64
export const WEST = SECOND + 5 * 3 * 16
export const NEAR = WEST + 8 * 64
export const SLOT = NEAR + 3 * 512
export const FLAGS = SLOT + 2 * 24 * 128

// Numbers of the distributions of symbols.
export const SIZES = 0
export const RANK = 16
const DISTRIBUTIONS = RANK + 17

export const BITS = Uint8Array.of(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 4, 5, 6, 7)
export const FIRST = Uint8Array.of(0, 1, 2, 3, 4, 6, 8, 10, 12, 16, 20, 28, 36, 52, 84, 148)
const WEIGHTS = [4900, 3400, 2600, 2000, 3400, 2500, 1900, 1600, 2500, 1800, 1500, 1100, 1200, 900, 600, 300]

export const TRUST = [
  [20, 20, 40, 88],
  [56, 64, 96, 112],
  [88, 80, 104, 116],
  [96, 90, 108, 118],
  [108, 104, 112, 120],
  [120, 120, 122, 126],
]

export function makeFlags() {
  const flags = new Int32Array(FLAGS).fill(flagContext(32768))
  flags.fill(flagContext(10240, 1), WEST, NEAR)
  const near = [20000, 16000, 10000]
  near.forEach((p, i) => flags.fill(flagContext(p), NEAR + 512 * i, NEAR + 512 * (i + 1)))
  for (let i = SLOT; i < FLAGS; i++) {
    const s = ((i - SLOT) >> 7) % 24
    flags[i] = flagContext(512 * TRUST[s >> 2][s & 3], 1)
  }
  return flags
}

/**
 * Sixteen numbers each: the ends D_0 to D_14, and the count. (D_15 is always 32767.)
 * @param {number} k
 */
export function makeDistributions(k) {
  const distributions = new Int32Array(16 * DISTRIBUTIONS)
  for (let i = 0; i < 16; i++) {
    for (let j = 0; j < 15; j++) distributions[16 * (SIZES + i) + j] = 2048 * (j + 1)
  }
  const weights = WEIGHTS.map((weight, t) => (FIRST[t] < k - 1 ? weight : 0))
  const total = weights.reduce((sum, weight) => sum + weight)
  for (let i = 0; i < 17; i++) {
    let sum = 0
    for (let j = 0; j < 15; j++) {
      sum += weights[j]
      distributions[16 * (RANK + i) + j] = Math.floor((32000 * sum) / total) + j + 1
    }
  }
  return distributions
}
