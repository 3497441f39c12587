/** How long the frames of an animation are shown, section 2.5 of the specification. */
import { KpalError } from './errors.js'
import { uint32 } from './reader.js'
import { readFrame } from './zstandard/frame.js'

/**
 * Milliseconds for each frame.
 * @param {Uint8Array} section
 * @param {import('./container.js').Head} head
 * @returns {number[]}
 */
export function readDurations(section, { frames, unit }) {
  const { length } = section
  const wide = length !== 0 && length !== frames
  const bytes = wide && length !== 4 * frames ? readFrame(section, 4 * frames) : section
  return Array.from({ length: frames }, (_, i) => {
    const duration = unit * (length === 0 ? 1 : wide ? uint32(bytes, 4 * i) : bytes[i])
    if (duration >= 2 ** 31) throw new KpalError(18, `frame ${i} is shown for ${duration} ms`)
    return duration
  })
}
