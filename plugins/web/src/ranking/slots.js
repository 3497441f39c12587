/** Slots of the coder `fast`, section 5.3.5 of the specification: which colour followed a hash of the neighbourhood. */

export const NONE = -1 // for colours
export const C1 = 0x2f0b4c47
export const C2 = 0x1e35a7bd
export const C3 = 0x2c1b3c6d

/** How much the confidence of a slot counts for its flag: l and m of the specification, by confidence. */
export const LONG_TRUST = Uint8Array.of(0, 1, 2, 3, 4, 4, 4, 4, 5)
export const SHORT_TRUST = Uint8Array.of(0, 2, 2, 3, 3, 3, 3, 3, 3)
/** The confidence of a slot after it was wrong, at twice its confidence before; after it was right, one further. */
const CONFIDENCE = Uint8Array.of(1, 1, 1, 2, 1, 3, 1, 4, 2, 5, 2, 6, 3, 7, 3, 8, 3, 8)

/**
 * A table of slots: check << 16 | colour << 8 | confidence, or 0 if empty.
 * @param {number} n pixels in the tile
 * @param {number} maxBits
 */
export function slotTable(n, maxBits) {
  let bits = 8
  while (bits < maxBits && 2 ** bits < n) bits++
  return new Int32Array(1 << bits)
}

/**
 * The last step of a hash.
 * @param {number} h
 * @param {number} factor
 */
export function mixed(h, factor) {
  h = Math.imul(h ^ (h >>> 15), factor)
  return h ^ (h >>> 13)
}

/**
 * The slot of a key, or 0 if it is another one's or empty.
 * @param {Int32Array} table
 * @param {number} key
 */
export function lookUp(table, key) {
  const slot = table[key & (table.length - 1)]
  return slot >> 16 === key >>> 24 ? slot : 0
}

/**
 * The colour of a slot, or -1 if it is no candidate.
 * @param {number} slot
 * @param {number} notW
 * @param {number} notP
 */
export function candidate(slot, notW, notP) {
  const colour = (slot >> 8) & 255
  return slot === 0 || colour === notW || colour === notP ? NONE : colour
}

/**
 * Teaches a table the pixel of a key, whose slot was looked up before. The slot keeps its colour while it is trusted.
 * @param {Int32Array} table
 * @param {number} key
 * @param {number} slot
 * @param {number} pixel
 */
export function learn(table, key, slot, pixel) {
  const confidence = slot & 15
  const kept = ((2 - confidence) >> 31) & 255
  const before = (slot >> 8) & 255
  const colour = pixel ^ ((before ^ pixel) & kept)
  table[key & (table.length - 1)] = ((key >>> 24) << 16) | (colour << 8) | CONFIDENCE[2 * confidence + same(before, pixel)]
}

/**
 * 1 if two numbers from 0 to 255 are equal, else 0: without a branch, as processors predict that of pixels badly.
 * @param {number} a
 * @param {number} b
 */
export function same(a, b) {
  return ((a ^ b) - 1) >>> 31
}

/**
 * 0 for W, else 1 for N, else 2 for NE, else 3.
 * @param {number} colour
 * @param {number} w
 * @param {number} n
 * @param {number} ne
 */
export function which(colour, w, n, ne) {
  const notW = 1 - same(colour, w)
  const notN = notW & ~same(colour, n)
  return notW + notN + (notN & ~same(colour, ne))
}
