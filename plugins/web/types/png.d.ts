/**
 * The image as an indexed PNG file; animations become APNG files. Nothing is converted: entries of the palette keep their
 * order and their alpha, and frames exactly their durations.
 * @param {Uint8Array | ArrayBuffer | Decoded} image a KPAL file, or what `decode` made of it
 * @param {object} [options]
 * @param {boolean} [options.compress] false to leave the pixels uncompressed, which is faster, except those of large frames
 * @returns {Promise<Uint8Array>}
 */
export function toPNG(image: Uint8Array | ArrayBuffer | Decoded, { compress }?: {
    compress?: boolean | undefined;
}): Promise<Uint8Array>;
/**
 * @param {Picture} picture
 * @returns {Region}
 */
export function wholeOf({ width, height }: Picture): Region;
/**
 * The rows of a part of the image, packed, each behind a 0 for "no filter", and compressed.
 * @param {Picture} picture
 * @param {Region} region
 * @param {boolean} [compress]
 */
export function packed({ width, indices, palette, channels }: Picture, region: Region, compress?: boolean): Promise<Uint8Array<ArrayBuffer>>;
/**
 * @param {string} type
 * @param {...ArrayLike<number>} parts
 */
export function chunk(type: string, ...parts: ArrayLike<number>[]): Uint8Array<ArrayBuffer>;
/** @param {number} value */
export function uint32(value: number): number[];
/** @param {Uint8Array} bytes */
export function store(bytes: Uint8Array): Uint8Array<ArrayBuffer>;
export type Decoded = import("./decode.js").Decoded;
export type DecodedFrame = import("./decode.js").DecodedFrame;
export type Picture = import("./decode.js").Picture;
export type Region = import("./decode.js").Region;
