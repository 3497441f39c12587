/** The tables of section 5.2.1 of the specification. Logarithms are in units of 1/1024 of a power of two. */

/** The least logarithm of a probability (2^-12). */
export const LEAST = -12288

/**
 * Bits of v.
 * @param {number} v from 0 on; 33 stands for all that are more than 32
 */
export const bitLength = (v) => (v < 2 ** 32 ? 32 - Math.clz32(v) : 33)

/**
 * The specification computes logarithms and powers in whole numbers. None of those below is so close to where rounding
 * changes that floating point could give another result: each is at least 1/100000 away.
 * @param {number} v
 */
const log2 = (v) => Math.floor(1024 * Math.log2(v))

/** One entry more than in the specification is 0: for impossible symbols. */
export const EXP = Uint16Array.from({ length: 1025 }, (_, i) =>
  i < 1024 ? Math.max(1, Math.round(32767 * (4248701965 / 2 ** 32) ** i)) : 0,
)

export const LOG = Int16Array.from({ length: 4096 }, (_, i) => Math.max(LEAST, log2(2 * i + 1) - 13312))

export const RATE = Int32Array.from({ length: 29 }, (_, i) => (i === 0 ? 29127 : i === 1 ? 14692 : 3276800 / (100 * i + 156)))
export const DECAY = Int16Array.from(RATE, (rate) => 15360 - log2(32768 - rate))
export const FLAG_RATE = Int32Array.from({ length: 99 }, (_, i) => 65536 / (2 * i + 3))
export const FLAG_DECAY = Int16Array.from(FLAG_RATE, (rate) => 15360 - log2(32768 - rate))
export const TRUST = Int32Array.from({ length: 1276 }, (_, i) => Math.max(1, Math.floor(65536 / (i * i + 8))))
export const SPREAD = Int32Array.from({ length: 8 }, (_, i) => 22 * 3 ** i)

/**
 * The logarithm of an event's probability after it has occurred.
 * @param {number} p the logarithm before
 * @param {number} rate
 */
export function after(p, rate) {
  const v = 2 * EXP[Math.min(-p >> 4, 1023)]
  return LOG[(v + (Math.imul(65536 - v, rate) >> 15)) >> 4]
}

/**
 * The logarithm of part / whole.
 * @param {number} part
 * @param {number} whole
 */
export function fraction(part, whole) {
  return part === 0 ? LEAST : Math.max(LEAST, log(part) - log(whole))
}

/** @param {number} v */
function log(v) {
  const shift = Math.max(0, bitLength(v) - 12)
  return LOG[v >> shift] + 1024 * shift
}

/**
 * @param {number} v
 * @param {number} most
 */
export function limit(v, most) {
  return v > most ? most : v < -most ? -most : v
}
