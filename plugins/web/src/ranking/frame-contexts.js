/** Where each kind of flag of later frames has its contexts, and what these initially are. */
import { CONTEXTS, fillTrust } from './contexts.js'
import { flagContext } from './decisions.js'

export const FRAME = CONTEXTS
export const MOTION = FRAME + 8
export const BLOCK = MOTION + 2
export const SAME = BLOCK + 8
export const STEADY = SAME + 16
export const SPAN = STEADY + 16 * 2 * 2 * 8 * 16 * 4 // the contexts of the specification from 256 on
export const SECOND = SPAN + 8 * 256
export const PLACED = SECOND + 5 * 3 * 2 * 16
export const BEFORE = PLACED + 9 * 4 * 4 * 4 * 2
export const LATER = BEFORE + 16 * 32 * 2
const ALL_CONTEXTS = LATER + 2 * 3 * 24 * 4 * 8 * 4

/**
 * The contexts of all frames, given those of the first one.
 * @param {Uint32Array} first
 */
export function withLaterContexts(first) {
  const contexts = new Uint32Array(ALL_CONTEXTS).fill(flagContext(32768))
  contexts.set(first)
  fillTrust(contexts, LATER)
  return contexts
}
