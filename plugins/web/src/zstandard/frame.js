/**
 * Zstandard frames without their magic number, as section 2.3 of the specification restricts them. A decoder of its own
 * is small, and checks everything: damaged frames must not give pixels.
 */
import { broken, withMargins } from './bits.js'
import { BlockDecoder, MAX_BLOCK } from './block.js'

const MAX_WINDOW = 2 ** 23

/**
 * The content of a frame of n bytes.
 * @param {Uint8Array} stored
 * @param {number} n
 */
export function readFrame(stored, n) {
  return new FrameReader(stored, n, Math.max(MAX_WINDOW, n)).read(n)
}

/** Reads the content of a frame of n bytes piece by piece, and holds little more than its window. */
export class FrameReader {
  /**
   * @param {Uint8Array} stored
   * @param {number} n
   * @param {number} maxWindow
   * @param {number} [most] how many bytes are read at a time
   */
  constructor(stored, n, maxWindow, most = n) {
    const { headerSize, window } = checkHeader(stored, n, maxWindow)
    // The output is allocated only if the bytes present could fill it.
    if (n > MAX_BLOCK * (Math.floor(stored.length / 4) + 1)) throw broken('is too short for its content')
    const { copy, start, end } = withMargins(stored)
    this.window = window
    this.blocks = new BlockDecoder(copy, new Uint8Array(Math.min(n, 2 * (Math.max(window, most) + MAX_BLOCK))))
    this.at = start + headerSize
    this.end = end
    this.last = false
    /** How many bytes were not yet decoded, and from where on those in `blocks.out` were not yet read. */
    this.missing = n
    this.from = 0
  }

  /**
   * The next bytes. They are shared with what is needed later, unless they are all that remain.
   * @param {number} count
   */
  read(count) {
    const { blocks } = this
    while (blocks.length - this.from < count) this.block()
    const bytes = blocks.out.subarray(this.from, (this.from += count))
    if (this.missing === 0 && this.from === blocks.length) {
      while (!this.last) this.block()
      if (this.at < this.end) throw broken('is followed by other bytes')
    }
    return bytes
  }

  block() {
    const { blocks, at, end } = this
    const copy = blocks.bytes
    if (this.last) throw broken('has less content than declared')
    if (at + 3 > end) throw broken('is cut off')
    if (blocks.out.length - blocks.length < Math.min(MAX_BLOCK, this.missing)) {
      const unneeded = Math.min(this.from, blocks.length - this.window)
      blocks.out.copyWithin(0, unneeded, blocks.length)
      blocks.length -= unneeded
      this.from -= unneeded
    }
    const before = blocks.length
    const header = copy[at] | (copy[at + 1] << 8) | (copy[at + 2] << 16)
    this.last = (header & 1) === 1
    this.at = readBlock(blocks, (header >> 1) & 3, header >> 3, at + 3, end)
    this.missing -= blocks.length - before
    if (this.missing < 0) throw broken('has more content than declared')
  }
}

/**
 * @param {BlockDecoder} blocks
 * @param {number} type
 * @param {number} size
 * @param {number} at
 * @param {number} frameEnd
 * @returns {number} the offset behind the block
 */
function readBlock(blocks, type, size, at, frameEnd) {
  const { bytes, out } = blocks
  const before = blocks.length
  const end = at + (type === 1 ? 1 : size)
  if (type === 3) throw broken('has a block of reserved type')
  if (size > MAX_BLOCK) throw broken('has a block that is too large')
  if (end > frameEnd) throw broken('is cut off')
  if (type === 2) blocks.compressed(at, end)
  else {
    blocks.length += size
    if (blocks.length > out.length) throw broken('has more content than declared')
    if (type === 0) out.set(bytes.subarray(at, end), before)
    else out.fill(bytes[at], before, blocks.length)
  }
  if (blocks.length - before > MAX_BLOCK) throw broken('has a block that is too large')
  return end
}

/**
 * @param {Uint8Array} stored
 * @param {number} n
 * @param {number} maxWindow
 */
function checkHeader(stored, n, maxWindow) {
  if (stored.length === 0) throw broken('is cut off')
  const descriptor = stored[0]
  const oneSegment = (descriptor & 32) !== 0
  if (descriptor & 8) throw broken('uses a reserved bit')
  if (descriptor & 4) throw broken('has a checksum of its own')
  if (descriptor & 3) throw broken('names a dictionary')
  let at = 1
  let window = n
  if (!oneSegment) {
    const byte = stored[at++]
    window = 2 ** (10 + (byte >> 3)) * (1 + (byte & 7) / 8)
  }
  const sizeBytes = descriptor >> 6 ? 1 << (descriptor >> 6) : oneSegment ? 1 : 0
  if (sizeBytes === 0) throw broken('does not declare its size')
  if (at + sizeBytes > stored.length) throw broken('is cut off')
  let size = sizeBytes === 2 ? 256 : 0
  for (let i = 0, unit = 1; i < sizeBytes; i++, unit *= 256) size += stored[at++] * unit
  if (n === 0 || size !== n) throw broken(`declares ${size} bytes instead of ${n}`)
  if (window > maxWindow) throw broken('has a window that is too large')
  return { headerSize: at, window }
}
