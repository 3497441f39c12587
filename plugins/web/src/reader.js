import { KpalError } from './errors.js'

/** Reads the parts of a file one after the other, and nothing beyond their end. */
export class Reader {
  /** @param {Uint8Array} bytes */
  constructor(bytes) {
    this.bytes = bytes
    this.at = 0
  }

  /** @param {string} part what is read, for the message */
  byte(part) {
    if (this.at >= this.bytes.length) throw new KpalError(6, `the file ends before ${part}`, this.at)
    return this.bytes[this.at++]
  }

  /**
   * A number in LEB128, in its shortest form and at most five bytes long. It can exceed 32 bits: hence no shifts.
   * @param {string} part
   * @param {number} least
   * @param {number} greatest
   */
  varint(part, least, greatest) {
    const start = this.at
    let value = 0
    for (let i = 0, unit = 1; ; i++, unit *= 128) {
      const byte = this.byte(part)
      value += (byte & 127) * unit
      if (byte < 128) {
        if (byte === 0 && i > 0) throw new KpalError(5, `${part} is not in the shortest form`, start)
        break
      }
      if (i === 4) throw new KpalError(5, `${part} takes more than five bytes`, start)
    }
    if (value < least || value > greatest) {
      throw new KpalError(5, `${part} is ${value}, not from ${least} to ${greatest}`, start)
    }
    return value
  }

  /**
   * The next bytes, not copied.
   * @param {string} part
   * @param {number} length
   */
  take(part, length) {
    if (length > this.bytes.length - this.at) {
      throw new KpalError(6, `${part} of ${length} bytes extends beyond the end of the file`, this.at)
    }
    return this.bytes.subarray(this.at, (this.at += length))
  }
}

/**
 * The little-endian number of four bytes at an offset.
 * @param {Uint8Array} bytes
 * @param {number} at
 */
export function uint32(bytes, at) {
  return (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0
}
