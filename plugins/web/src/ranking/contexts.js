/**
 * Where each kind of symbol and flag of the coder `fast` has its contexts, and what these initially are. All are in one
 * array with the two numbers of the range decoder, because each further array costs the hot loops loads and checks.
 */
import { flagContext } from './decisions.js'

// Numbers of the distributions of symbols. Each is sixteen numbers of the array: the ends D_0 to D_14, and the count.
// (D_15 is always 32767.) In place of the first one is the range decoder.
export const SIZES = 1
export const RANK = SIZES + 16
const DISTRIBUTIONS = RANK + 17

// Offsets of the contexts of flags.
export const ROW = 16 * DISTRIBUTIONS
export const SPAN = ROW + 8
export const NUMBER = SPAN + 256
export const BIT = NUMBER + 64
export const SECOND = BIT + 64
export const WEST = SECOND + 5 * 3 * 16
export const NEAR = WEST + 8 * 64
export const SLOT = NEAR + 3 * 512
export const CONTEXTS = SLOT + 2 * 24 * 128

export const BITS = Uint8Array.of(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 4, 5, 6, 7)
export const FIRST = Uint8Array.of(0, 1, 2, 3, 4, 6, 8, 10, 12, 16, 20, 28, 36, 52, 84, 148)
const WEIGHTS = [4900, 3400, 2600, 2000, 3400, 2500, 1900, 1600, 2500, 1800, 1500, 1100, 1200, 900, 600, 300]

const TRUST = [20, 20, 40, 88, 56, 64, 96, 112, 88, 80, 104, 116, 96, 90, 108, 118, 108, 104, 112, 120, 120, 120, 122, 126]

/** @param {number} k */
export function makeContexts(k) {
  const contexts = new Uint32Array(CONTEXTS)
  const weights = WEIGHTS.map((weight, t) => (FIRST[t] < k - 1 ? weight : 0))
  const total = weights.reduce((sum, weight) => sum + weight)
  for (let j = 0, sum = 0; j < 15; j++) {
    sum += weights[j]
    for (let i = SIZES; i < RANK; i++) contexts[16 * i + j] = 2048 * (j + 1)
    for (let i = RANK; i < DISTRIBUTIONS; i++) contexts[16 * i + j] = Math.floor((32000 * sum) / total) + j + 1
  }
  contexts.fill(flagContext(32768), ROW)
  contexts.fill(flagContext(10240, 1), WEST, NEAR)
  const near = [20000, 16000, 10000]
  near.forEach((p, i) => contexts.fill(flagContext(p), NEAR + 512 * i, SLOT))
  fillTrust(contexts, SLOT)
  return contexts
}

/**
 * Fills the contexts from `start` to the end: 128 for each of the 24 kinds of candidates, again and again.
 * @param {Uint32Array} contexts
 * @param {number} start
 */
export function fillTrust(contexts, start) {
  for (let i = start; i < contexts.length; i += 128) {
    contexts.fill(flagContext(512 * TRUST[((i - start) >> 7) % 24], 1), i, i + 128)
  }
}
