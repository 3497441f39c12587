/**
 * The parts of a file, section 2 of the specification: everything except what the parts themselves mean.
 */
import { crc32 } from './crc32.js'
import { KpalError } from './errors.js'
import { Reader, uint32 } from './reader.js'

const MAGIC = [0x8b, 0x4b, 0x50, 0x41, 0x4c, 0x0d, 0x0a, 0x1a]
const VERSION = 0x09
const ALPHA = 1
const METADATA = 2
const TILES = 4
const ANIMATION = 8

export const CODERS = /** @type {const} */ (['zstd', 'mix', 'max', 'fast'])

/** @typedef {typeof CODERS[number]} Coder */

/**
 * What the beginning of a file tells. Nothing of it is verified before the checksum is.
 * @typedef {object} Head
 * @property {string} version `major.minor`
 * @property {Coder} coder
 * @property {number} colors how many entries the palette has
 * @property {3 | 4} channels of an entry: 4 with alpha
 * @property {number} width
 * @property {number} height
 * @property {number} tileWidth columns of a tile, except of those cut off at the right edge
 * @property {number} tileHeight rows of a tile, except of those cut off at the bottom edge
 * @property {number} tileFrames frames of a tile, except of the last ones
 * @property {number} tiles how many tiles there are; 0 with one colour
 * @property {boolean} animated whether the file says so, even if it has only one frame
 * @property {number} frames 1 for stills
 * @property {number} loop how many times an animation is shown; 0 for ever (and for stills)
 * @property {number} unit of the durations, in milliseconds
 * @property {boolean} hasMetadata
 */

/**
 * The parts of a file whose checksum is correct.
 * @typedef {object} Parts
 * @property {Uint8Array} durations empty if they are all alike, or if there are none
 * @property {Uint8Array} metadataHeader empty if there is no metadata
 * @property {Uint8Array} metadataParts
 * @property {Uint8Array} palette
 * @property {Float64Array} tileStarts offset of each tile, and of the end of the last one
 * @property {Uint8Array | null} index null without flag bit 2
 */

/**
 * @param {Reader} reader at the beginning of the file
 * @returns {Head}
 */
export function readHead(reader) {
  const { version, flags, coder } = readPrefix(reader)
  const colors = reader.byte('the number of colours') + 1
  const width = reader.varint('the width', 1, 2 ** 28 - 1)
  const height = reader.varint('the height', 1, 2 ** 28 - 1)
  const tiled = (flags & TILES) !== 0
  const animated = (flags & ANIMATION) !== 0
  const start = reader.at
  const tileHeight = tiled ? reader.varint('the rows of a tile', 1, height) : height
  const tileWidth = tiled ? reader.varint('the columns of a tile', 1, width) : width
  const frames = animated ? reader.varint('the number of frames', 1, 2 ** 20) : 1
  const tileFrames = tiled && animated ? reader.varint('the frames of a tile', 1, frames) : frames
  const tiles = Math.ceil(height / tileHeight) * Math.ceil(width / tileWidth) * Math.ceil(frames / tileFrames)
  if (tiled) {
    if (colors === 1) throw new KpalError(9, 'tiles of an image of one colour', start)
    if (tiles === 1) throw new KpalError(9, 'a tile that is the whole image has an index', start)
    if (tileWidth * tileHeight * tileFrames < 65536) throw new KpalError(9, 'tiles have less than 65536 pixels', start)
    if (tiles > 2 ** 24) throw new KpalError(9, `${tiles} tiles are more than 2^24`, start)
  }
  return {
    version: `${version >> 4}.${version & 15}`,
    coder: CODERS[coder],
    colors,
    channels: flags & ALPHA ? 4 : 3,
    width,
    height,
    tileWidth,
    tileHeight,
    tileFrames,
    tiles: colors > 1 ? tiles : 0,
    animated,
    frames,
    loop: animated ? reader.varint('how often the animation is shown', 0, 2 ** 32 - 1) : 0,
    unit: animated ? reader.varint('the unit of durations', 0, 2 ** 31 - 1) : 0,
    hasMetadata: (flags & METADATA) !== 0,
  }
}

/** @param {Reader} reader */
function readPrefix(reader) {
  for (let i = 0; i < MAGIC.length; i++) {
    if (reader.byte('the end of the magic') !== MAGIC[i]) throw new KpalError(1, 'not a KPAL file', i)
  }
  const version = reader.byte('the version')
  if (version !== VERSION) {
    const kind = version < VERSION ? 'older' : 'newer'
    throw new KpalError(2, `made by a ${kind} encoder, for version ${version >> 4}.${version & 15}`, 8, kind)
  }
  const flags = reader.byte('the flags')
  if (flags > 15) {
    throw new KpalError(3, `made by a newer encoder: unknown flags ${flags & ~15}`, 9)
  }
  const coder = reader.byte('the coder')
  if (coder >= CODERS.length) throw new KpalError(4, `made by a newer encoder: unknown coder ${coder}`, 10)
  return { version, flags, coder }
}

/**
 * Splits the rest of the file into parts, and verifies the checksum, but not those of tiles.
 * @param {Reader} reader behind the head
 * @param {Head} head
 * @returns {Parts}
 */
export function readParts(reader, head) {
  const durations = readDurationBytes(reader, head)
  let metadataHeader = reader.bytes.subarray(0, 0)
  let metadataParts = metadataHeader
  if (head.hasMetadata) {
    metadataHeader = takeSized(reader, 'the metadata header', 1, 65536)
    metadataParts = takeSized(reader, 'the metadata', 0, 2 ** 24)
  }
  const palette = takeSized(reader, 'the palette', 1, head.colors * head.channels)
  const common = { durations, metadataHeader, metadataParts, palette }
  return head.tiles > 1
    ? { ...common, ...readIndexAndTiles(reader, head.tiles) }
    : { ...common, ...readOnlyTile(reader, head.tiles), index: null }
}

/**
 * @param {Reader} reader behind the head
 * @param {Head} head
 */
export function readDurationBytes(reader, { animated, frames }) {
  return animated ? takeSized(reader, 'the durations', 0, 4 * frames) : reader.bytes.subarray(0, 0)
}

/**
 * @param {Reader} reader
 * @param {string} part
 * @param {number} least
 * @param {number} greatest
 */
function takeSized(reader, part, least, greatest) {
  return reader.take(part, reader.varint(`the length of ${part}`, least, greatest))
}

/**
 * @param {Reader} reader
 * @param {number} tiles 0 or 1
 */
function readOnlyTile(reader, tiles) {
  let start = reader.at
  if (tiles) {
    const length = reader.varint('the length of the tile', 1, Infinity)
    start = reader.at
    reader.take('the tile', length)
  }
  const end = reader.at
  const sum = reader.take('the checksum', 4)
  if (reader.at < reader.bytes.length) throw new KpalError(7, 'bytes follow the checksum', reader.at)
  verify(reader.bytes.subarray(0, end), uint32(sum, 0), 'the checksum does not match', end)
  return { tileStarts: Float64Array.of(start, end) }
}

/**
 * @param {Reader} reader
 * @param {number} tiles
 */
function readIndexAndTiles(reader, tiles) {
  const indexStart = reader.at
  const index = reader.take('the index', 8 * tiles)
  const end = reader.at
  const sum = uint32(reader.take('the checksum', 4), 0)
  verify(reader.bytes.subarray(0, end), sum, 'the checksum does not match', end)

  // Only now, with the bytes of the index there, may memory be allocated in proportion to it.
  const tileStarts = new Float64Array(tiles + 1)
  let at = reader.at
  for (let i = 0; i < tiles; i++) {
    const length = uint32(index, 8 * i)
    if (length === 0) throw new KpalError(5, `tile ${i} has no bytes`, indexStart + 8 * i)
    tileStarts[i] = at
    at += length
  }
  tileStarts[tiles] = at
  if (at > reader.bytes.length) throw new KpalError(6, 'the tiles extend beyond the end of the file', reader.bytes.length)
  if (at < reader.bytes.length) throw new KpalError(7, 'bytes follow the last tile', at)
  return { index, tileStarts }
}

/**
 * The bytes of a tile, verified.
 * @param {Uint8Array} bytes the file
 * @param {Parts} parts
 * @param {number} tile
 */
export function tileBytes(bytes, parts, tile) {
  const start = parts.tileStarts[tile]
  const data = bytes.subarray(start, parts.tileStarts[tile + 1])
  if (parts.index) verify(data, uint32(parts.index, 8 * tile + 4), `tile ${tile} is damaged`, start)
  return data
}

/**
 * @param {Uint8Array} bytes
 * @param {number} sum
 * @param {string} message
 * @param {number} offset
 */
function verify(bytes, sum, message, offset) {
  if (crc32(bytes) !== sum) throw new KpalError(8, message, offset)
}
