/** The tables of section 5.2.1 of the specification. Logarithms are in units of 1/1024 of a power of two. */

/** The least logarithm of a probability (2^-12). */
export const LEAST = -12288

/**
 * Bits of v.
 * @param {number} v from 0 on; 33 stands for all that are more than 32
 */
export const bitLength = (v) => (v < 2 ** 32 ? 32 - Math.clz32(v) : 33)

/**
 * floor(a * b / 2^32) for a, b < 2^32, by products of 16 bits: these are exact in a double, all 64 bits would not be.
 * @param {number} a
 * @param {number} b
 */
function mulHigh(a, b) {
  const al = a & 65535
  const ah = a >>> 16
  const bl = b & 65535
  const bh = b >>> 16
  const middle = ah * bl + ((al * bl) >>> 16)
  return ah * bh + Math.floor(middle / 65536) + ((al * bh + (middle % 65536)) / 65536 >>> 0)
}

/**
 * The logarithm of a whole number from 1 to 2^31 - 1, rounded down.
 * @param {number} v
 */
function log2(v) {
  let e = bitLength(v) - 1
  let m = (v << (30 - e)) >>> 0
  for (let i = 0; i < 10; i++) {
    // m * m >> 30 has up to 62 bits before the shift.
    const high = m >>> 15
    const low = m & 32767
    m = high * high + Math.floor((high * low * 65536 + low * low) / 2 ** 30)
    e *= 2
    if (m >= 2 ** 31) {
      m = Math.floor(m / 2)
      e++
    }
  }
  return e
}

/** One entry more than in the specification is 0: for impossible symbols. */
export const EXP = makeExp()

function makeExp() {
  const exp = new Uint16Array(1025)
  let high = 32767 // v_i is high * 2^32 + low
  let low = 0
  for (let i = 0; i < 1024; i++) {
    exp[i] = Math.max(1, high + (low >= 2 ** 31 ? 1 : 0))
    const factor = 4248701965
    const product = high * factor + mulHigh(low, factor)
    high = Math.floor(product / 2 ** 32)
    low = product % 2 ** 32
  }
  return exp
}

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
