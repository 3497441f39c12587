/** Where each kind of flag of later frames has its contexts, and what these initially are. */
import { FLAGS, TRUST } from './contexts.js'
import { flagContext } from './decisions.js'

export const FRAME = FLAGS
export const MOTION = FRAME + 8
export const BLOCK = MOTION + 2
export const SAME = BLOCK + 8
export const STEADY = SAME + 16
export const SPAN = STEADY + 16 * 2 * 2 * 8 * 16 * 4 // the contexts of the specification from 256 on
export const SECOND = SPAN + 8 * 256
export const PLACED = SECOND + 5 * 3 * 2 * 16
export const BEFORE = PLACED + 9 * 4 * 4 * 4 * 2
export const LATER = BEFORE + 16 * 32 * 2
const ALL_FLAGS = LATER + 2 * 3 * 24 * 4 * 8 * 4

/**
 * The contexts of all flags, given those of the first frame.
 * @param {Int32Array} first
 */
export function withLaterFlags(first) {
  const flags = new Int32Array(ALL_FLAGS).fill(flagContext(32768))
  flags.set(first)
  for (let i = LATER; i < ALL_FLAGS; i++) {
    const s = ((i - LATER) >> 7) % 24
    flags[i] = flagContext(512 * TRUST[s >> 2][s & 3], 1)
  }
  return flags
}
