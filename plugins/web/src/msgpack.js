/**
 * As much of msgpack as the header of the metadata needs: a reader that checks, without extension types.
 */
import { KpalError } from './errors.js'

const DEEPEST = 16

/** Stands for each value that no known key can have: floats, binaries, nil. (Integers must not be mixed with floats.) */
const OTHER = Symbol('other')

/**
 * The one map that the bytes are.
 * @param {Uint8Array} bytes
 * @returns {Map<string, unknown>}
 */
export function readMap(bytes) {
  const reader = new MsgpackReader(bytes)
  const value = reader.value(1)
  if (!(value instanceof Map)) throw invalid('is not a map')
  if (reader.at !== bytes.length) throw invalid('has bytes behind its map')
  return value
}

/** @param {string} what */
export function invalid(what) {
  return new KpalError(10, `the metadata header ${what}`)
}

class MsgpackReader {
  /** @param {Uint8Array} bytes */
  constructor(bytes) {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.at = 0
  }

  /**
   * @param {number} level
   * @returns {unknown}
   */
  value(level) {
    if (level > DEEPEST) throw invalid('is nested too deeply')
    const type = this.uint(1)
    if (type < 0x80) return type
    if (type < 0x90) return this.map(type & 15, level)
    if (type < 0xa0) return this.array(type & 15, level)
    if (type < 0xc0) return this.string(type & 31)
    if (type >= 0xe0) return type - 256
    switch (type) {
      case 0xc0: // nil
        return OTHER
      case 0xc2:
      case 0xc3:
        return type === 0xc3
      case 0xc4: // binary, with lengths of one, two or four bytes
      case 0xc5:
      case 0xc6:
        this.skip(this.uint(1 << (type - 0xc4)))
        return OTHER
      case 0xca: // float
      case 0xcb: // double
        this.skip(4 << (type - 0xca))
        return OTHER
      case 0xcc:
      case 0xcd:
      case 0xce:
      case 0xcf:
        return this.uint(1 << (type - 0xcc))
      case 0xd0:
      case 0xd1:
      case 0xd2:
      case 0xd3:
        return this.int(1 << (type - 0xd0))
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.string(this.uint(1 << (type - 0xd9)))
      case 0xdc:
      case 0xdd:
        return this.array(this.uint(2 << (type - 0xdc)), level)
      case 0xde:
      case 0xdf:
        return this.map(this.uint(2 << (type - 0xde)), level)
      default: // extensions, and the type that is never used
        throw invalid(`has a value of type ${type}`)
    }
  }

  /** @param {number} length */
  skip(length) {
    if (length > this.bytes.length - this.at) throw invalid('is cut off')
    return this.bytes.subarray(this.at, (this.at += length))
  }

  /**
   * A big-endian number. From 2^53 on it is rounded, but no known key has such a value.
   * @param {number} size
   */
  uint(size) {
    return this.skip(size).reduce((value, byte) => value * 256 + byte, 0)
  }

  /** @param {number} size */
  int(size) {
    const value = this.uint(size)
    return value < 2 ** (8 * size - 1) ? value : value - 2 ** (8 * size)
  }

  /** @param {number} length */
  string(length) {
    const text = utf8(this.skip(length))
    if (text === null) throw invalid('has a string that is not UTF-8')
    return text
  }

  /**
   * Every value takes a byte or more, so a count beyond the end fails before it can fill the memory.
   * @param {number} count
   * @param {number} level
   */
  array(count, level) {
    const values = []
    for (let i = 0; i < count; i++) values.push(this.value(level + 1))
    return values
  }

  /**
   * @param {number} count
   * @param {number} level
   */
  map(count, level) {
    /** @type {Map<string, unknown>} */
    const map = new Map()
    for (let i = 0; i < count; i++) {
      const key = this.value(level + 1)
      if (typeof key !== 'string') throw invalid('has a key that is not a string')
      if (map.has(key)) throw invalid('has a key twice')
      map.set(key, this.value(level + 1))
    }
    return map
  }
}

/**
 * The text, or null if the bytes are not UTF-8. A byte order mark is a character like any other.
 * @param {Uint8Array} bytes
 */
export function utf8(bytes) {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return null
  }
}
