/** The coder `zstd`, section 5.1 of the specification: indices that are packed, or compressed by Zstandard, or both. */
import { KpalError } from './errors.js'
import { FrameReader, readFrame } from './zstandard/frame.js'

const PLAIN_FRAME = 0
const PACKED_FRAME = 1
const PACKED = 2
const DIFFERENCES = 3
const MAX_WINDOW = 2 ** 24 // or two frames of the tile

export class ZstdTile {
  /**
   * @param {Uint8Array} bytes
   * @param {import('./tile.js').TileShape} shape
   */
  constructor(bytes, { width, height, frames, colors }) {
    this.width = width
    this.height = height
    this.colors = colors
    this.bits = bitsPerIndex(colors)
    const form = bytes[0]
    const data = bytes.subarray(1)
    const several = frames > 1
    if (form > DIFFERENCES || (form === PACKED_FRAME && this.bits === 8) || form === (several ? PACKED : DIFFERENCES)) {
      throw new KpalError(13, `a tile of form ${form}, of ${frames} frames and ${colors} colours`)
    }
    this.packed = form === PACKED_FRAME || form === PACKED
    /** How many bytes a frame takes. */
    this.size = this.packed ? Math.ceil((width * this.bits) / 8) * height : width * height
    if (form === PACKED && data.length !== this.size) throw new KpalError(13, 'packed indices of a wrong length')
    this.source = several
      ? new FrameReader(data, this.size * frames, Math.max(MAX_WINDOW, 2 * this.size), this.size)
      : { read: () => (form === PACKED ? data.slice() : readFrame(data, this.size)) }
    /** The frame before, if frames are stored as differences. */
    this.before = form === DIFFERENCES ? new Uint8Array(this.size) : null
    this.several = several
  }

  /** The indices of the next frame. */
  read() {
    const { before, colors } = this
    const shared = this.source.read(this.size)
    if (this.packed && this.bits < 8) return checked(unpack(shared, this.width, this.height, this.bits), colors)
    const indices = checked(this.several ? shared.slice() : shared, colors, before ? 13 : 15)
    if (before) {
      for (let i = 0; i < before.length; i++) {
        const sum = before[i] + indices[i]
        before[i] = indices[i] = sum < colors ? sum : sum - colors
      }
    }
    return indices
  }

  /** Passes over the next frame. */
  skip() {
    this.read()
  }
}

/**
 * The smallest of 1, 2, 4 and 8 bits that suffices.
 * @param {number} colors
 */
export function bitsPerIndex(colors) {
  return colors <= 2 ? 1 : colors <= 4 ? 2 : colors <= 16 ? 4 : 8
}

/**
 * @param {Uint8Array} packed
 * @param {number} width
 * @param {number} height
 * @param {number} bits 1, 2 or 4
 */
function unpack(packed, width, height, bits) {
  const indices = new Uint8Array(width * height)
  const mask = (1 << bits) - 1
  let from = 0
  let at = 0
  for (let y = 0; y < height; y++) {
    const end = at + width
    let byte = 0
    let left = 0
    while (at < end) {
      if (left === 0) {
        byte = packed[from++]
        left = 8
      }
      left -= bits
      indices[at++] = (byte >> left) & mask
    }
    if (byte & ((1 << left) - 1)) throw new KpalError(14, `row ${y} of a tile ends with padding that is not 0`)
  }
  return indices
}

/**
 * Throws if an index is too large. Four at a time are compared: if one is too large, the highest bit of a byte of `over`
 * is set.
 * @param {Uint8Array} indices which begin at a multiple of four
 * @param {number} colors
 * @param {number} [rule]
 */
function checked(indices, colors, rule = 15) {
  if (colors === 256) return indices
  const words = new Int32Array(indices.buffer, indices.byteOffset, indices.length >> 2)
  const more = Math.imul(0x01010101, -colors & 127)
  const either = colors > 128 ? 0 : -1
  let over = 0
  for (let i = 0; i < words.length; i++) {
    const word = words[i]
    const sum = ((word & 0x7f7f7f7f) + more) | 0
    over |= (sum & word) | ((sum | word) & either)
  }
  let greatest = 0
  for (let i = over & 0x80808080 ? 0 : 4 * words.length; i < indices.length; i++) greatest = Math.max(greatest, indices[i])
  if (greatest >= colors) throw new KpalError(rule, `index ${greatest} of ${colors} colours`)
  return indices
}
