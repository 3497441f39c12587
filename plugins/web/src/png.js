/** Indexed PNG files, with the palette, the transparency and as much of the metadata as PNG can carry. */
import { animationChunks } from './apng.js'
import { concat } from './bytes.js'
import { crc32 } from './crc32.js'
import { decode, frames, inspect } from './decode.js'
import { bitsPerIndex } from './zstd.js'

/** @typedef {import('./decode.js').Decoded} Decoded */
/** @typedef {import('./decode.js').DecodedFrame} DecodedFrame */
/** @typedef {import('./decode.js').Picture} Picture */
/** @typedef {import('./decode.js').Region} Region */

const MAX_STORED = 65535
const latin1 = (/** @type {string} */ text) => Uint8Array.from(text, (c) => c.charCodeAt(0))
const utf8 = (/** @type {string} */ text) => new TextEncoder().encode(text)

/**
 * The image as an indexed PNG file; animations become APNG files. Nothing is converted: entries of the palette keep their
 * order and their alpha, and frames exactly their durations.
 * @param {Uint8Array | ArrayBuffer | Decoded} image a KPAL file, or what `decode` made of it
 * @param {object} [options]
 * @param {boolean} [options.compress] false to leave the pixels uncompressed, which is faster, except those of large frames
 * @returns {Promise<Uint8Array>}
 */
export async function toPNG(image, { compress = true } = {}) {
  const still = 'indices' in image ? image : inspect(image).animated ? null : decode(image)
  const pictures = still ? timed(still) : frames(/** @type {Uint8Array} */ (image))
  const first = /** @type {DecodedFrame} */ (pictures.next().value)
  const { metadata } = first
  const content =
    still && !still.frames ? [chunk('IDAT', await packed(first, wholeOf(first), compress))] : await animationChunks(first, pictures, compress)
  const chunks = [
    header(first),
    ...(metadata.icc ? [chunk('iCCP', latin1('ICC profile\0\0'), await deflate(metadata.icc))] : [chunk('sRGB', [0])]),
    ...(metadata.density ? [chunk('pHYs', uint32(metadata.density[0]), uint32(metadata.density[1]), [1])] : []),
    ...palette(first),
    ...(metadata.exif ? [chunk('eXIf', withoutPrefix(metadata.exif))] : []),
    ...(metadata.xmp ? [text('XML:com.adobe.xmp', metadata.xmp)] : []),
    ...texts(metadata.text),
    ...content,
    chunk('IEND'),
  ]
  return concat([[0x89], latin1('PNG\r\n\x1a\n'), ...chunks])
}

/**
 * The pictures of an animation whose frames are all there, or the only one of a still.
 * @param {Decoded} decoded
 * @returns {Generator<DecodedFrame>}
 */
function* timed(decoded) {
  for (const { indices, milliseconds } of decoded.frames ?? [{ ...decoded, milliseconds: 0 }]) {
    yield { ...decoded, frames: null, indices, milliseconds }
  }
}

/** @param {Picture} picture */
function header({ width, height, palette, channels }) {
  const depth = bitsPerIndex(palette.length / channels)
  return chunk('IHDR', uint32(width), uint32(height), [depth, 3, 0, 0, 0])
}

/** @param {Picture} picture */
function palette({ palette, channels }) {
  if (channels === 3) return [chunk('PLTE', palette)]
  const colours = palette.filter((_, i) => (i & 3) !== 3)
  let alphas = palette.filter((_, i) => (i & 3) === 3)
  // Entries behind the last one of tRNS are opaque.
  while (alphas.length && alphas[alphas.length - 1] === 255) alphas = alphas.subarray(0, -1)
  return [chunk('PLTE', colours), ...(alphas.length ? [chunk('tRNS', alphas)] : [])]
}

/**
 * @param {Picture} picture
 * @returns {Region}
 */
export function wholeOf({ width, height }) {
  return { x: 0, y: 0, width, height }
}

/**
 * The rows of a part of the image, packed, each behind a 0 for "no filter", and compressed.
 * @param {Picture} picture
 * @param {Region} region
 * @param {boolean} [compress]
 */
export async function packed({ width, indices, palette, channels }, region, compress = true) {
  const bits = bitsPerIndex(palette.length / channels)
  const stride = 1 + Math.ceil((region.width * bits) / 8)
  const out = new Uint8Array(stride * region.height)
  for (let y = 0; y < region.height; y++) {
    const start = y * stride + 1
    let from = (region.y + y) * width + region.x
    if (bits === 8) out.set(indices.subarray(from, from + region.width), start)
    else {
      for (let x = 0, bit = 0; x < region.width; x++, bit += bits) {
        out[start + (bit >> 3)] |= indices[from++] << (8 - bits - (bit & 7))
      }
    }
  }
  return compress ? deflate(out) : store(out)
}

/**
 * Only texts whose keywords PNG allows: 1 to 79 characters of Latin-1, without spaces at the ends or in a row.
 * @param {Map<string, string>} [map]
 */
function texts(map = new Map()) {
  return [...map]
    .filter(([keyword]) => keyword.length < 80 && /^[!-~\xa1-\xff]+( [!-~\xa1-\xff]+)*$/.test(keyword))
    .filter(([, value]) => !value.includes('\0'))
    .map(([keyword, value]) => text(keyword, utf8(value)))
}

/**
 * @param {string} keyword
 * @param {Uint8Array} value UTF-8
 */
function text(keyword, value) {
  return chunk('iTXt', latin1(keyword), [0, 0, 0, 0, 0], value)
}

/**
 * Exif in PNG begins with the TIFF header.
 * @param {Uint8Array} exif
 */
function withoutPrefix(exif) {
  const prefix = latin1('Exif\0\0')
  return prefix.every((byte, i) => exif[i] === byte) ? exif.subarray(6) : exif
}

/**
 * @param {string} type
 * @param {...ArrayLike<number>} parts
 */
export function chunk(type, ...parts) {
  const content = concat([latin1(type), ...parts])
  return concat([uint32(content.length - 4), content, uint32(crc32(content))])
}

/** @param {number} value */
export function uint32(value) {
  return [value >>> 24, value >>> 16, value >>> 8, value] // the low bytes, once stored
}

/**
 * A zlib stream; where nothing can compress, of stored blocks.
 * @param {Uint8Array} bytes
 */
async function deflate(bytes) {
  if (typeof CompressionStream !== 'function') return store(bytes)
  // Browsers keep a Blob in another process, but not a Response.
  const { body } = new Response(/** @type {BodyInit} */ (bytes))
  const stream = /** @type {ReadableStream} */ (body).pipeThrough(new CompressionStream('deflate'))
  return new Uint8Array(await new Response(stream).arrayBuffer())
}

/** @param {Uint8Array} bytes */
export function store(bytes) {
  /** @type {ArrayLike<number>[]} */
  const parts = [[0x78, 0x01]]
  for (let at = 0; at === 0 || at < bytes.length; at += MAX_STORED) {
    const block = bytes.subarray(at, at + MAX_STORED)
    const last = at + MAX_STORED >= bytes.length ? 1 : 0
    parts.push([last, block.length, block.length >> 8, ~block.length, ~block.length >> 8], block)
  }
  return concat([...parts, uint32(adler32(bytes))])
}

/** @param {Uint8Array} bytes */
function adler32(bytes) {
  let a = 1
  let b = 0
  for (let i = 0; i < bytes.length; ) {
    // Within 5552 bytes the sums fit into 32 bits.
    for (const end = Math.min(i + 5552, bytes.length); i < end; i++) b += a += bytes[i]
    a %= 65521
    b %= 65521
  }
  return b * 65536 + a
}
