/**
 * What a decoder of a tile needs to know besides its bytes.
 * @typedef {object} TileShape
 * @property {number} width
 * @property {number} height
 * @property {number} frames
 * @property {number} colors at least 2
 * @property {Uint8Array} colours R, G, B, A of each palette entry, premultiplied
 */
/**
 * Decodes the frames of a tile one after the other. (Stills have one.)
 * @typedef {object} TileDecoder
 * @property {() => Uint8Array} read returns the indices of the next frame, which the caller may change
 * @property {() => void} skip passes over the next frame
 */
/**
 * @param {import('./container.js').Coder} coder
 * @param {Uint8Array} bytes
 * @param {TileShape} shape
 * @returns {TileDecoder}
 */
export function openTile(coder: import("./container.js").Coder, bytes: Uint8Array, shape: TileShape): TileDecoder;
/**
 * The palette as the models see it: R, G, B, A for each entry, with R, G, B multiplied by A.
 * @param {Uint8Array} palette
 * @param {3 | 4} channels
 */
export function premultiplied(palette: Uint8Array, channels: 3 | 4): Uint8Array<ArrayBuffer>;
/**
 * What a decoder of a tile needs to know besides its bytes.
 */
export type TileShape = {
    width: number;
    height: number;
    frames: number;
    /**
     * at least 2
     */
    colors: number;
    /**
     * R, G, B, A of each palette entry, premultiplied
     */
    colours: Uint8Array;
};
/**
 * Decodes the frames of a tile one after the other. (Stills have one.)
 */
export type TileDecoder = {
    /**
     * returns the indices of the next frame, which the caller may change
     */
    read: () => Uint8Array;
    /**
     * passes over the next frame
     */
    skip: () => void;
};
