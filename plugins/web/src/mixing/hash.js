/** Hashes of section 5.2.1 of the specification: numbers of 31 bits. */

const A = 0x2f0b4c47
const B = 0x1e35a7bd
const C = 0x2c1b3c6d
const MASK = 0x7fffffff

/**
 * @param {number} a
 * @param {number} b
 */
export function combine(a, b) {
  return (Math.imul(a, A) ^ (Math.imul(b, B) + 0x3c6ef372)) & MASK
}

/** @param {number} h from 0 to 2^31 - 1 */
export function fold(h) {
  return Math.imul(h ^ (h >> 15), C) & MASK
}

/** @param {number} h */
export function hashKey(h) {
  return fold(Math.imul(h, A) & MASK)
}

/**
 * @param {number} a
 * @param {number} b
 * @param {number} c
 * @param {number} d
 */
export function pack(a, b, c, d) {
  return a | (b << 8) | (c << 16) | (d << 24)
}

/**
 * The hash of a node of a context: `base` is the context's, node 0 the high nibble, node 1 + high the low one.
 * @param {number} base
 * @param {number} node
 */
export function hashNode(base, node) {
  return Math.imul(base + Math.imul(node, B), C) & MASK
}

/**
 * The hash of key number c of a flag.
 * @param {number} key
 * @param {number} c
 */
export function hashFlag(key, c) {
  const h = fold((Math.imul(key, A) + c) & MASK)
  return h ^ (h >> 13)
}
