/** What an address tells about the image behind it, without fetching it. */

/** The first bytes of every KPAL file. */
export const MAGIC = [0x8b, 0x4b, 0x50, 0x41, 0x4c, 0x0d, 0x0a, 0x1a]

/** @param {Uint8Array} bytes */
export function hasMagic(bytes) {
  return MAGIC.every((byte, i) => bytes[i] === byte)
}

/**
 * Whether the name ends with `.kpal`. It is only a hint, which saves time.
 * @param {string} url absolute
 */
export function hasName(url) {
  return /^[^?#]*\.kpal([?#]|$)/i.test(url) && !isData(url)
}

/** @param {string} url */
export function isData(url) {
  return /^data:/i.test(url)
}

/**
 * The bytes in a data: URL. They are not fetched, which a page's policy may forbid.
 * @param {string} url
 * @returns {Uint8Array}
 */
export function dataBytes(url) {
  const comma = url.indexOf(',')
  const percent = url.slice(comma + 1).replace(/#.*$/s, '')
  const text = percent.replace(/%([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(parseInt(hex, 16)))
  const binary = /;\s*base64\s*$/i.test(url.slice(0, comma)) ? atob(text) : text
  return Uint8Array.from(binary, (c) => c.charCodeAt(0))
}

/**
 * Whether the first bytes in a data: URL are those of a KPAL file.
 * @param {string} url
 */
export function isKpalData(url) {
  if (!isData(url)) return false
  const comma = url.indexOf(',')
  try {
    return hasMagic(dataBytes(url.slice(0, comma + 49)))
  } catch {
    return false
  }
}

/**
 * @param {string} url
 * @param {string} base
 */
export function absolute(url, base) {
  try {
    return new URL(url, base).href
  } catch {
    return ''
  }
}
