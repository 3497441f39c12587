/** @type {Int32Array | undefined} eight tables of 256, for eight bytes at a time */
let tables

function makeTables() {
  const t = new Int32Array(8 * 256)
  for (let i = 0; i < 256; i++) {
    let c = i
    for (let bit = 0; bit < 8; bit++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1
    t[i] = c
  }
  for (let i = 256; i < t.length; i++) t[i] = (t[i - 256] >>> 8) ^ t[t[i - 256] & 255]
  return t
}

/**
 * CRC-32 as in ISO 3309 and PNG.
 * @param {Uint8Array} bytes
 */
export function crc32(bytes) {
  const t = (tables ??= makeTables())
  const length = bytes.length
  let c = -1
  let i = 0
  for (; i + 8 <= length; i += 8) {
    c ^= bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24)
    c =
      t[1792 + (c & 255)] ^
      t[1536 + ((c >>> 8) & 255)] ^
      t[1280 + ((c >>> 16) & 255)] ^
      t[1024 + (c >>> 24)] ^
      t[768 + bytes[i + 4]] ^
      t[512 + bytes[i + 5]] ^
      t[256 + bytes[i + 6]] ^
      t[bytes[i + 7]]
  }
  for (; i < length; i++) c = (c >>> 8) ^ t[(c ^ bytes[i]) & 255]
  return ~c >>> 0
}
