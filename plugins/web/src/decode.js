import { readDurationBytes, readHead, readParts, tileBytes } from './container.js'
import { readDurations } from './durations.js'
import { KpalError } from './errors.js'
import { readMetadata } from './metadata.js'
import { readPalette } from './palette.js'
import { Reader } from './reader.js'
import { openTile, premultiplied } from './tile.js'

/** The default of `maxPixels`, as in other decoders: twice 2^30 bytes of memory at four bytes and three copies each. */
export const MAX_PIXELS = 2 * Math.floor(2 ** 30 / 4 / 3)

/**
 * A rectangle of pixels.
 * @typedef {object} Region
 * @property {number} x
 * @property {number} y
 * @property {number} width
 * @property {number} height
 */

/**
 * @typedef {object} DecodeOptions
 * @property {number} [maxPixels] if more pixels are asked for, in all frames together, the file is refused before any
 *   memory is allocated for them; with a region, the limit holds for the region and for a frame of each tile
 * @property {Region} [region] decode only this part of the image, and only the tiles that it needs
 */

/**
 * @typedef {object} Frame
 * @property {Uint8Array} indices
 * @property {number} milliseconds how long it is shown; 0 for as briefly as possible
 */

/**
 * @typedef {object} Picture
 * @property {number} width of the image or, if one was asked for, the region
 * @property {number} height
 * @property {3 | 4} channels of an entry of the palette: R, G, B and perhaps A, not premultiplied
 * @property {Uint8Array} indices an index into the palette for each pixel, row by row; of the first or only frame
 * @property {Uint8Array} palette `channels` bytes for each entry
 * @property {import('./metadata.js').Metadata} metadata
 */

/** @typedef {Picture & { frames: Frame[] | null, loop: number }} Decoded `frames` is null for stills */
/** @typedef {Picture & { frames: null, loop: number, milliseconds: number }} DecodedFrame */

/** Up to this many tiles at once are decoded frame by frame; more, each with all its frames before the next one. */
const MOST_OPEN = 4

/**
 * Decodes a file. Either all of it is correct, or this throws a `KpalError`.
 * @param {Uint8Array | ArrayBuffer} file
 * @param {DecodeOptions} [options]
 * @returns {Decoded}
 */
export function decode(file, options) {
  const image = open(file, options, (head) => head.frames)
  const all = [...picturesFrom(image, 0, 1)]
  const frames = image.head.animated ? all.map((indices, i) => ({ indices, milliseconds: image.durations[i] })) : null
  return { ...image.common, indices: all[0], frames }
}

/**
 * Decodes one frame. A still has only frame 0.
 * @param {Uint8Array | ArrayBuffer} file
 * @param {number} number
 * @param {DecodeOptions} [options]
 * @returns {DecodedFrame}
 */
export function decodeFrame(file, number, options) {
  const image = open(file, options, () => 1)
  const { frames, tileFrames } = image.head
  if (!(Number.isInteger(number) && number >= 0 && number < frames)) throw new RangeError(`there is no frame ${number}`)
  const from = number % tileFrames
  const [indices] = groupOfPictures(image, Math.floor(number / tileFrames), from, from + 1, 1)
  return { ...image.common, indices, frames: null, milliseconds: image.durations[number] ?? 0 }
}

/**
 * Decodes frame after frame, without holding all of them. What is in front of the tiles is verified at once, and each
 * tile when it is needed. (Between key frames that consist of many tiles, all frames are held.)
 * @param {Uint8Array | ArrayBuffer} file
 * @param {DecodeOptions} [options]
 * @returns {Generator<DecodedFrame, void>}
 */
export function frames(file, options) {
  const image = open(file, options, (head, tiles) => (tiles > MOST_OPEN ? head.tileFrames : 1))
  return (function* () {
    let number = 0
    for (const indices of picturesFrom(image, 0, MOST_OPEN)) {
      yield { ...image.common, indices, frames: null, milliseconds: image.durations[number++] ?? 0 }
    }
  })()
}

/**
 * What the beginning of a file tells about the image. Nothing behind it is looked at, and no checksum verified: so
 * `file` may be only the first bytes of a file. 44 suffice, except for the durations of frames: these are null if the
 * bytes end before, as they are for stills.
 * @param {Uint8Array | ArrayBuffer} file
 * @returns {import('./container.js').Head & { durations: number[] | null }}
 */
export function inspect(file) {
  const reader = new Reader(asBytes(file))
  const head = readHead(reader)
  let durations = null
  try {
    if (head.animated) durations = readDurations(readDurationBytes(reader, head), head)
  } catch (error) {
    if (!(error instanceof KpalError && error.rule === 6)) throw error
  }
  return { ...head, durations }
}

/**
 * Reads and verifies what is in front of the tiles.
 * @param {Uint8Array | ArrayBuffer} file
 * @param {DecodeOptions | undefined} options
 * @param {(head: import('./container.js').Head, tiles: number) => number} count how many frames are held at once, given
 *   the number of tiles of a frame
 */
function open(file, { region: part, maxPixels = MAX_PIXELS } = {}, count) {
  const bytes = asBytes(file)
  const reader = new Reader(bytes)
  const head = readHead(reader)
  const region = checkedRegion(part, head)
  const { width, height, tileWidth, tileHeight, channels, loop } = head
  const across = Math.floor((region.x + region.width - 1) / tileWidth) - Math.floor(region.x / tileWidth) + 1
  const down = Math.floor((region.y + region.height - 1) / tileHeight) - Math.floor(region.y / tileHeight) + 1
  const held = count(head, across * down)
  const pixels = Math.max(region.width * region.height * held, head.tiles ? tileWidth * tileHeight : 0)
  if (pixels > maxPixels) {
    throw new KpalError(0, `${pixels} pixels are more than the ${maxPixels} allowed`, undefined, 'too-large')
  }
  const parts = readParts(reader, head)
  const durations = head.animated ? readDurations(parts.durations, head) : []
  const metadata = head.hasMetadata ? readMetadata(parts.metadataHeader, parts.metadataParts) : {}
  const palette = readPalette(parts.palette, head.colors, channels)
  const common = { width: region.width, height: region.height, channels, palette, metadata, loop }
  return { bytes, head, parts, durations, region, colours: premultiplied(palette, channels), common }
}

/** @typedef {ReturnType<typeof open>} Image */

/**
 * A plain Uint8Array: of Node's Buffer, slices would be no copies.
 * @param {Uint8Array | ArrayBuffer} file
 */
function asBytes(file) {
  if (ArrayBuffer.isView(file)) return new Uint8Array(file.buffer, file.byteOffset, file.byteLength)
  if (file instanceof ArrayBuffer) return new Uint8Array(file)
  throw new TypeError('a file must be a Uint8Array or an ArrayBuffer')
}

/**
 * @param {Region | undefined} region
 * @param {import('./container.js').Head} head
 * @returns {Region}
 */
function checkedRegion(region, { width, height }) {
  if (!region) return { x: 0, y: 0, width, height }
  const { x, y, width: w, height: h } = region
  const inside = x >= 0 && y >= 0 && w >= 1 && h >= 1 && x + w <= width && y + h <= height
  if (!inside || ![x, y, w, h].every(Number.isInteger)) throw new RangeError('the region is not within the image')
  return { x, y, width: w, height: h }
}

/**
 * The indices of all frames from a group of frames on.
 * @param {Image} image
 * @param {number} group
 * @param {number} mostOpen
 */
function* picturesFrom(image, group, mostOpen) {
  const { frames, tileFrames } = image.head
  for (; group * tileFrames < frames; group++) {
    yield* groupOfPictures(image, group, 0, Math.min(tileFrames, frames - group * tileFrames), mostOpen)
  }
}

/**
 * The indices of some frames of a group, which begins with new tiles.
 * @param {Image} image
 * @param {number} group
 * @param {number} from the first frame, counted within the group
 * @param {number} to the frame behind the last one
 * @param {number} mostOpen
 */
function* groupOfPictures(image, group, from, to, mostOpen) {
  const { region } = image
  const picture = () => new Uint8Array(region.width * region.height)
  const tiles = neededTiles(image, group)
  if (tiles.length > mostOpen) {
    const pictures = Array.from({ length: to - from }, picture)
    for (const tile of tiles) {
      const decoder = openedTile(image, tile, from)
      for (const out of pictures) copyTile(decoder.read(), tile, out, region)
    }
    yield* pictures
    return
  }
  const decoders = tiles.map((tile) => openedTile(image, tile, from))
  const whole = tiles.length === 1 && tiles[0].width === region.width && tiles[0].height === region.height
  for (let i = from; i < to; i++) {
    if (whole) yield decoders[0].read()
    else {
      const out = picture()
      decoders.forEach((decoder, j) => copyTile(decoder.read(), tiles[j], out, region))
      yield out
    }
  }
}

/** @typedef {Region & { number: number, frames: number }} Tile */

/**
 * The tiles of a group that the region needs. With one colour there are none, and all indices are 0.
 * @param {Image} image
 * @param {number} group
 */
function neededTiles({ head, region }, group) {
  const { width, height, tileWidth, tileHeight, tileFrames } = head
  const frames = Math.min(tileFrames, head.frames - group * tileFrames)
  const across = Math.ceil(width / tileWidth)
  const before = group * Math.ceil(height / tileHeight) * across
  /** @type {Tile[]} */
  const tiles = []
  if (head.tiles === 0) return tiles
  for (let row = Math.floor(region.y / tileHeight); row * tileHeight < region.y + region.height; row++) {
    for (let column = Math.floor(region.x / tileWidth); column * tileWidth < region.x + region.width; column++) {
      const x = column * tileWidth
      const y = row * tileHeight
      const size = { width: Math.min(tileWidth, width - x), height: Math.min(tileHeight, height - y) }
      tiles.push({ number: before + row * across + column, x, y, ...size, frames })
    }
  }
  return tiles
}

/**
 * A decoder of a tile, for which a frame is the next one.
 * @param {Image} image
 * @param {Tile} tile
 * @param {number} frame
 */
function openedTile({ bytes, head, parts, colours }, { number, width, height, frames }, frame) {
  const decoder = openTile(head.coder, tileBytes(bytes, parts, number), { width, height, frames, colors: head.colors, colours })
  for (let i = 0; i < frame; i++) decoder.skip()
  return decoder
}

/**
 * Copies what a tile and a region have in common.
 * @param {Uint8Array} indices of the tile
 * @param {Region} tile
 * @param {Uint8Array} out
 * @param {Region} region
 */
function copyTile(indices, tile, out, region) {
  const left = Math.max(tile.x, region.x)
  const right = Math.min(tile.x + tile.width, region.x + region.width)
  const bottom = Math.min(tile.y + tile.height, region.y + region.height)
  for (let y = Math.max(tile.y, region.y); y < bottom; y++) {
    const from = (y - tile.y) * tile.width - tile.x
    out.set(indices.subarray(from + left, from + right), (y - region.y) * region.width + left - region.x)
  }
}
