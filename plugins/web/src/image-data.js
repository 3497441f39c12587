/**
 * The colours of all pixels, four bytes each: R, G, B, A, not premultiplied.
 * @param {import('./decode.js').Decoded} decoded
 */
export function toRGBA({ indices, palette, channels }) {
  const entries = new Uint8Array(1024)
  for (let i = 0; i * channels < palette.length; i++) {
    for (let j = 0; j < 4; j++) entries[4 * i + j] = j < channels ? palette[i * channels + j] : 255
  }
  // One store for each pixel, in whatever order of bytes the machine has.
  const words = new Uint32Array(entries.buffer)
  const pixels = new Uint32Array(indices.length)
  for (let i = 0; i < indices.length; i++) pixels[i] = words[indices[i]]
  return new Uint8ClampedArray(pixels.buffer)
}

/**
 * The image for a canvas. Where there is no `ImageData`, an object with the same properties.
 * Colours are taken as sRGB, even if the file has an ICC profile: browsers do not convert pixels of `ImageData`.
 * @param {import('./decode.js').Decoded} decoded
 * @returns {ImageData}
 */
export function toImageData(decoded) {
  const { width, height } = decoded
  const data = toRGBA(decoded)
  if (typeof ImageData === 'function') return new ImageData(data, width, height)
  return /** @type {ImageData} */ ({ data, width, height, colorSpace: 'srgb' })
}
