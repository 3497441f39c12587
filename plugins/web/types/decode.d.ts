/**
 * Decodes a file. Either all of it is correct, or this throws a `KpalError`.
 * @param {Uint8Array | ArrayBuffer} file
 * @param {DecodeOptions} [options]
 * @returns {Decoded}
 */
export function decode(file: Uint8Array | ArrayBuffer, options?: DecodeOptions): Decoded;
/**
 * Decodes one frame. A still has only frame 0.
 * @param {Uint8Array | ArrayBuffer} file
 * @param {number} number
 * @param {DecodeOptions} [options]
 * @returns {DecodedFrame}
 */
export function decodeFrame(file: Uint8Array | ArrayBuffer, number: number, options?: DecodeOptions): DecodedFrame;
/**
 * Decodes frame after frame, without holding all of them. What is in front of the tiles is verified at once, and each
 * tile when it is needed. (Between key frames that consist of many tiles, all frames are held.)
 * @param {Uint8Array | ArrayBuffer} file
 * @param {DecodeOptions} [options]
 * @returns {Generator<DecodedFrame, void>}
 */
export function frames(file: Uint8Array | ArrayBuffer, options?: DecodeOptions): Generator<DecodedFrame, void>;
/**
 * What the beginning of a file tells about the image. Nothing behind it is looked at, and no checksum verified: so
 * `file` may be only the first bytes of a file. 44 suffice, except for the durations of frames: these are null if the
 * bytes end before, as they are for stills.
 * @param {Uint8Array | ArrayBuffer} file
 * @returns {import('./container.js').Head & { durations: number[] | null }}
 */
export function inspect(file: Uint8Array | ArrayBuffer): import("./container.js").Head & {
    durations: number[] | null;
};
/** The default of `maxPixels`, as in other decoders: twice 2^30 bytes of memory at four bytes and three copies each. */
export const MAX_PIXELS: number;
export type Image = ReturnType<typeof open>;
export type Tile = Region & {
    number: number;
    frames: number;
};
/**
 * A rectangle of pixels.
 */
export type Region = {
    x: number;
    y: number;
    width: number;
    height: number;
};
export type DecodeOptions = {
    /**
     * if more pixels are asked for, in all frames together, the file is refused before any
     * memory is allocated for them; with a region, the limit holds for the region and for a frame of each tile
     */
    maxPixels?: number | undefined;
    /**
     * decode only this part of the image, and only the tiles that it needs
     */
    region?: Region | undefined;
};
export type Frame = {
    indices: Uint8Array;
    /**
     * how long it is shown; 0 for as briefly as possible
     */
    milliseconds: number;
};
export type Picture = {
    /**
     * of the image or, if one was asked for, the region
     */
    width: number;
    height: number;
    /**
     * of an entry of the palette: R, G, B and perhaps A, not premultiplied
     */
    channels: 3 | 4;
    /**
     * an index into the palette for each pixel, row by row; of the first or only frame
     */
    indices: Uint8Array;
    /**
     * `channels` bytes for each entry
     */
    palette: Uint8Array;
    metadata: import("./metadata.js").Metadata;
};
/**
 * `frames` is null for stills
 */
export type Decoded = Picture & {
    frames: Frame[] | null;
    loop: number;
};
export type DecodedFrame = Picture & {
    frames: null;
    loop: number;
    milliseconds: number;
};
/**
 * Reads and verifies what is in front of the tiles.
 * @param {Uint8Array | ArrayBuffer} file
 * @param {DecodeOptions | undefined} options
 * @param {(head: import('./container.js').Head, tiles: number) => number} count how many frames are held at once, given
 *   the number of tiles of a frame
 */
declare function open(file: Uint8Array | ArrayBuffer, { region: part, maxPixels }: DecodeOptions | undefined, count: (head: import("./container.js").Head, tiles: number) => number): {
    bytes: Uint8Array<ArrayBufferLike>;
    head: import("./container.js").Head;
    parts: import("./container.js").Parts;
    durations: number[];
    region: Region;
    colours: Uint8Array<ArrayBuffer>;
    common: {
        width: number;
        height: number;
        channels: 3 | 4;
        palette: Uint8Array<ArrayBuffer>;
        metadata: import("./metadata.js").Metadata;
        loop: number;
    };
};
export {};
