/** The frames of a file, turned as viewers turn the original. */
import { frames, inspect } from '../src/decode.js'

/** @typedef {import('../src/decode.js').DecodedFrame} DecodedFrame */

const MOST_KEPT = 1 << 26 // pixels, a byte each

export class Film {
  /**
   * @param {Uint8Array} bytes a KPAL file
   * @param {number} orientation as in Exif
   * @param {number} [mostKept] frames with more pixels in all are not kept, but decoded whenever they are asked for
   */
  constructor(bytes, orientation, mostKept = MOST_KEPT) {
    const { width, height, frames: count } = inspect(bytes)
    this.bytes = bytes
    this.orientation = orientation
    this.keeps = width * height * count <= mostKept
    /** @type {DecodedFrame[]} all decoded frames, or only the latest */
    this.kept = []
    this.decoded = 0 // frames, and how long that took
    this.milliseconds = 0
    this.pictures = frames(bytes)
    this.next = 0 // the number of the frame that `pictures` gives next
  }

  /** @param {number} number */
  frame(number) {
    if (!this.keeps && number < this.next - 1) {
      this.pictures = frames(this.bytes)
      this.next = 0
    }
    for (; this.next <= number; this.next++) {
      const start = performance.now()
      const picture = /** @type {DecodedFrame} */ (this.pictures.next().value)
      if (this.next === this.decoded) {
        this.milliseconds += performance.now() - start
        this.decoded++
      }
      this.kept[this.keeps ? this.next : 0] = turned(picture, this.orientation)
    }
    return this.kept[this.keeps ? number : 0]
  }
}

/**
 * @param {DecodedFrame} picture
 * @param {number} orientation
 * @returns {DecodedFrame}
 */
function turned(picture, orientation) {
  if (orientation === 1) return picture
  const { width, height } = picture
  const fromRight = [2, 3, 7, 8].includes(orientation)
  const fromBottom = [3, 4, 6, 7].includes(orientation)
  const start = (fromRight ? width - 1 : 0) + (fromBottom ? (height - 1) * width : 0)
  const steps = [fromRight ? -1 : 1, fromBottom ? -width : width]
  const sideways = orientation > 4
  const [across, down] = sideways ? steps.reverse() : steps
  const size = sideways ? { width: height, height: width } : { width, height }
  const indices = new Uint8Array(width * height)
  for (let y = 0, to = 0; y < size.height; y++) {
    for (let x = 0, from = start + y * down; x < size.width; x++, from += across) indices[to++] = picture.indices[from]
  }
  return { ...picture, ...size, indices }
}
