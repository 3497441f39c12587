/** Tiles, section 2.2 of the specification: what they are, whatever coder made them. */
import { MixingTile } from './mixing/tile.js'
import { RankingTile } from './ranking/tile.js'
import { ZstdTile } from './zstd.js'

/**
 * What a decoder of a tile needs to know besides its bytes.
 * @typedef {object} TileShape
 * @property {number} width
 * @property {number} height
 * @property {number} frames
 * @property {number} colors at least 2
 * @property {Uint8Array} colours R, G, B, A of each palette entry, premultiplied
 */

/**
 * Decodes the frames of a tile one after the other. (Stills have one.)
 * @typedef {object} TileDecoder
 * @property {() => Uint8Array} read returns the indices of the next frame, which the caller may change
 * @property {() => void} skip passes over the next frame
 */

/**
 * @param {import('./container.js').Coder} coder
 * @param {Uint8Array} bytes
 * @param {TileShape} shape
 * @returns {TileDecoder}
 */
export function openTile(coder, bytes, shape) {
  if (coder === 'zstd') return new ZstdTile(bytes, shape)
  if (coder === 'fast') return new RankingTile(bytes, shape)
  return new MixingTile(bytes, shape, coder)
}

/**
 * The palette as the models see it: R, G, B, A for each entry, with R, G, B multiplied by A.
 * @param {Uint8Array} palette
 * @param {3 | 4} channels
 */
export function premultiplied(palette, channels) {
  const colors = palette.length / channels
  const colours = new Uint8Array(4 * colors)
  for (let i = 0; i < colors; i++) {
    const alpha = channels === 4 ? palette[4 * i + 3] : 255
    for (let j = 0; j < 3; j++) colours[4 * i + j] = (palette[i * channels + j] * alpha + 127) / 255
    colours[4 * i + 3] = alpha
  }
  return colours
}
