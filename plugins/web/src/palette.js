/** Palettes, section 4 of the specification. */
import { readColourSet } from './colour-set.js'
import { KpalError } from './errors.js'
import { readFrame } from './zstandard/frame.js'

const FRAME = 0
const SET = 1

/**
 * The palette, entry by entry: `channels` bytes each.
 * @param {Uint8Array} section
 * @param {number} colors
 * @param {3 | 4} channels
 */
export function readPalette(section, colors, channels) {
  const size = colors * channels
  if (section.length === size) return fromPlain(section, colors, channels)
  if (section[0] === FRAME) return fromPlain(readFrame(section.subarray(1), size), colors, channels)
  if (section[0] === SET) return readColourSet(section.subarray(1), colors, channels)
  throw new KpalError(16, `a palette of unknown form ${section[0]}`)
}

/**
 * A plain palette holds differences from entry to entry, channel by channel.
 * @param {Uint8Array} plain
 * @param {number} colors
 * @param {number} channels
 */
function fromPlain(plain, colors, channels) {
  const palette = new Uint8Array(colors * channels)
  for (let channel = 0, at = 0; channel < channels; channel++) {
    let value = 0
    for (let i = 0; i < colors; i++) palette[i * channels + channel] = value += plain[at++] // modulo 256 when stored
  }
  return palette
}
