/** What an animation has in a PNG file: the chunks acTL, fcTL, IDAT and fdAT. */
import { chunk, packed, uint32, wholeOf } from './png.js'

/** @typedef {import('./decode.js').DecodedFrame} DecodedFrame */
/** @typedef {import('./decode.js').Region} Region */

const MOST = 65535 // of the two numbers whose quotient is a delay in seconds
const MOST_STORED = 2 ** 14 // pixels; larger frames are always compressed, as there may be many
const MOST_LOOPS = 2 ** 31 - 1
/** Parts of a second in which delays can be told, if not in milliseconds. */
const DENOMINATORS = [500, 250, 200, 125, 100, 50, 40, 25, 20, 10, 8, 5, 4, 2, 1]

/**
 * @param {DecodedFrame} first
 * @param {Iterable<DecodedFrame>} others
 * @param {boolean} compress
 */
export async function animationChunks(first, others, compress) {
  /** @type {Uint8Array[]} */
  const chunks = []
  let count = 0
  let numbers = 0 // of the chunks that have one
  /**
   * @param {DecodedFrame} picture
   * @param {Region} changed
   * @param {number} milliseconds
   */
  const add = async (picture, changed, milliseconds) => {
    for (const [part, whole] of delays(milliseconds)) {
      const { x, y, width, height } = changed
      const delay = [part >> 8, part, whole >> 8, whole]
      chunks.push(chunk('fcTL', ...[numbers++, width, height, x, y].map(uint32), delay, [0, 0]))
      const data = await packed(picture, changed, compress || width * height > MOST_STORED)
      chunks.push(count++ ? chunk('fdAT', uint32(numbers++), data) : chunk('IDAT', data))
      // If the delay is too long for one frame, others follow that repeat a pixel.
      changed = { x, y, width: 1, height: 1 }
    }
  }

  let before = first
  let changed = wholeOf(first)
  let { milliseconds } = first
  for (const picture of others) {
    const difference = changedPart(before, picture)
    if (difference) {
      await add(before, changed, milliseconds)
      before = picture
      changed = difference
      milliseconds = 0
    }
    milliseconds += picture.milliseconds
  }
  await add(before, changed, milliseconds)
  return [chunk('acTL', uint32(count), uint32(Math.min(first.loop, MOST_LOOPS))), ...chunks]
}

/**
 * Fractions whose sum is a duration in seconds.
 * @param {number} milliseconds
 * @returns {Generator<[number, number]>}
 */
function* delays(milliseconds) {
  while (milliseconds > MOST) {
    const seconds = milliseconds / 1000
    const whole = DENOMINATORS.find((n) => seconds * n <= MOST && (milliseconds * n) % 1000 === 0)
    if (whole) {
      yield [(milliseconds * whole) / 1000, whole]
      return
    }
    const part = Math.min(Math.floor(seconds), MOST)
    yield [part, 1]
    milliseconds -= 1000 * part
  }
  yield [milliseconds, 1000]
}

/**
 * The smallest rectangle outside of which two pictures are the same, or null if they are.
 * @param {DecodedFrame} before
 * @param {DecodedFrame} after
 * @returns {Region | null}
 */
function changedPart({ indices: a, width }, { indices: b }) {
  let start = 0
  while (start < a.length && a[start] === b[start]) start++
  if (start === a.length) return null
  let end = a.length - 1
  while (a[end] === b[end]) end--
  const top = Math.floor(start / width)
  const bottom = Math.floor(end / width)
  let left = width
  let right = 0
  for (let y = top; y <= bottom; y++) {
    const row = y * width
    let x = 0
    while (x < left && a[row + x] === b[row + x]) x++
    left = x
    for (x = width - 1; x > right && a[row + x] === b[row + x]; ) x--
    right = x
  }
  return { x: left, y: top, width: right - left + 1, height: bottom - top + 1 }
}
