/**
 * The colours of all pixels, four bytes each: R, G, B, A, not premultiplied.
 * @param {import('./decode.js').Decoded} decoded
 */
export function toRGBA({ indices, palette, channels }: import("./decode.js").Decoded): Uint8ClampedArray<ArrayBuffer>;
/**
 * The image for a canvas. Where there is no `ImageData`, an object with the same properties.
 * Colours are taken as sRGB, even if the file has an ICC profile: browsers do not convert pixels of `ImageData`.
 * @param {import('./decode.js').Decoded} decoded
 * @returns {ImageData}
 */
export function toImageData(decoded: import("./decode.js").Decoded): ImageData;
