/** KPAL files for the tests: 16 colours, coder zstd, not compressed. */
import { crc32 } from '../../src/crc32.js'
import { MAGIC } from '../../src/auto/address.js'
import { inspect } from '../../src/index.js'
import { files } from '../files.js'

/** The version that the decoder reads. */
export const VERSION = [...Array(256).keys()].find((version) => {
  try {
    return inspect(Uint8Array.from([...MAGIC, version, 0, 0, 15, 1, 1]))
  } catch {
    return false
  }
}) ?? 0

/** @param {number} value */
function varint(value) {
  const bytes = []
  for (; value > 127; value >>>= 7) bytes.push((value & 127) | 128)
  return [...bytes, value]
}

/** @param {number} seed */
export function random(seed) {
  let x = Math.imul(seed + 1, 0x9e3779b1)
  return () => {
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    return x >>> 0
  }
}

/**
 * An image with blocks of random colours, which are different for each seed.
 * @param {number} seed
 * @param {{ width?: number, height?: number, channels?: number }} [options]
 */
export function makeKpal(seed, { width = 24, height = 16, channels = 3 } = {}) {
  const next = random(seed)
  for (let i = 0; i < 8; i++) next()
  const palette = Array.from({ length: channels }, () => Array.from({ length: 16 }, () => next() & 255))
  const differences = palette.flatMap((values) => values.map((v, i) => (v - (i ? values[i - 1] : 0)) & 255))
  const tile = [2]
  const blocks = Array.from({ length: 4096 }, () => next() & 15)
  const index = (/** @type {number} */ x, /** @type {number} */ y) => (x < width ? blocks[((y >> 2) * 61 + (x >> 2)) & 4095] : 0)
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x += 2) tile.push((index(x, y) << 4) | index(x + 1, y))
  const head = [...MAGIC, VERSION, channels === 4 ? 1 : 0, 0, 15, ...varint(width), ...varint(height)]
  const bytes = [...head, ...varint(differences.length), ...differences, ...varint(tile.length), ...tile]
  const sum = crc32(Uint8Array.from(bytes))
  return Uint8Array.from([...bytes, sum, sum >>> 8, sum >>> 16, sum >>> 24])
}

/** A file with a wrong checksum. */
export function damagedKpal() {
  const bytes = makeKpal(999)
  bytes[bytes.length - 9] ^= 1
  return bytes
}

/** An animation of 11 by 12 pixels, opaque, if there are vectors of the decoder's version. */
export function animation() {
  const bytes = files('vectors/valid').get('fast-frames-17-colours.kpal')
  return bytes?.[8] === VERSION ? bytes : undefined
}
