/** Metadata, section 3 of the specification. */
import { KpalError } from './errors.js'
import { invalid, readMap, utf8 } from './msgpack.js'
import { readFrame } from './zstandard/frame.js'

const MOST_BYTES = 2 ** 24

/**
 * Only what the file has is set. Without an ICC profile, colours are sRGB.
 * @typedef {object} Metadata
 * @property {Uint8Array} [icc] an ICC profile of an RGB colour space
 * @property {Uint8Array} [exif] an Exif block, perhaps preceded by `Exif\0\0`
 * @property {Uint8Array} [xmp] an XMP packet
 * @property {Map<string, string>} [text] texts by their keywords, in the order of the file
 * @property {[number, number]} [density] pixels per metre, horizontally and vertically
 */

/**
 * @param {Uint8Array} header
 * @param {Uint8Array} stored the parts, plain or as a frame
 * @returns {Metadata}
 */
export function readMetadata(header, stored) {
  const map = readMap(header)
  const texts = textLengths(map.get('text'))
  const keys = /** @type {const} */ (['icc', 'exif', 'xmp'])
  const lengths = keys.map((key) => length(map.get(key), key))
  const density = readDensity(map.get('density'))

  const total = [...lengths, ...texts.values()].reduce((sum, length) => sum + length, 0)
  if (total > MOST_BYTES) throw new KpalError(11, `metadata of ${total} bytes`)
  const parts = stored.length === total ? stored : readFrame(stored, total)

  /** @type {Metadata} */
  const metadata = {}
  let at = 0
  const take = (/** @type {number} */ length) => parts.slice(at, (at += length))
  keys.forEach((key, i) => {
    if (lengths[i]) metadata[key] = take(lengths[i])
  })
  if (texts.size) {
    metadata.text = new Map()
    for (const [keyword, length] of texts) {
      const text = utf8(take(length))
      if (text === null) throw new KpalError(11, `the text ${JSON.stringify(keyword)} is not UTF-8`)
      metadata.text.set(keyword, text)
    }
  }
  if (density) metadata.density = density
  return metadata
}

/**
 * @param {unknown} value
 * @param {string} key
 */
function length(value, key) {
  if (value === undefined) return 0
  if (typeof value !== 'number' || value < 0) throw invalid(`has no length for ${key}`)
  return value
}

/**
 * @param {unknown} value
 * @returns {Map<string, number>}
 */
function textLengths(value) {
  const lengths = new Map()
  if (value === undefined) return lengths
  if (!Array.isArray(value)) throw invalid('has a text that is not an array')
  for (const entry of value) {
    if (!Array.isArray(entry) || entry.length !== 2 || typeof entry[0] !== 'string') {
      throw invalid('has a text that is not a keyword and a length')
    }
    const [keyword, size] = entry
    const bytes = length(size, 'a text')
    if (lengths.has(keyword)) throw new KpalError(11, `the text keyword ${JSON.stringify(keyword)} occurs twice`)
    lengths.set(keyword, bytes)
  }
  return lengths
}

/**
 * @param {unknown} value
 * @returns {[number, number] | undefined}
 */
function readDensity(value) {
  if (value === undefined) return undefined
  if (!Array.isArray(value) || value.length !== 2) throw invalid('has a density that is not a pair')
  const [x, y] = value
  if (typeof x !== 'number' || typeof y !== 'number' || !(Math.min(x, y) >= 1 && Math.max(x, y) < 2 ** 31)) {
    throw invalid('has a density outside its bounds')
  }
  return [x, y]
}
