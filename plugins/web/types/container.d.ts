/** @typedef {typeof CODERS[number]} Coder */
/**
 * What the beginning of a file tells. Nothing of it is verified before the checksum is.
 * @typedef {object} Head
 * @property {string} version `major.minor`
 * @property {Coder} coder
 * @property {number} colors how many entries the palette has
 * @property {3 | 4} channels of an entry: 4 with alpha
 * @property {number} width
 * @property {number} height
 * @property {number} tileWidth columns of a tile, except of those cut off at the right edge
 * @property {number} tileHeight rows of a tile, except of those cut off at the bottom edge
 * @property {number} tileFrames frames of a tile, except of the last ones
 * @property {number} tiles how many tiles there are; 0 with one colour
 * @property {boolean} animated whether the file says so, even if it has only one frame
 * @property {number} frames 1 for stills
 * @property {number} loop how many times an animation is shown; 0 for ever (and for stills)
 * @property {number} unit of the durations, in milliseconds
 * @property {boolean} hasMetadata
 */
/**
 * The parts of a file whose checksum is correct.
 * @typedef {object} Parts
 * @property {Uint8Array} durations empty if they are all alike, or if there are none
 * @property {Uint8Array} metadataHeader empty if there is no metadata
 * @property {Uint8Array} metadataParts
 * @property {Uint8Array} palette
 * @property {Float64Array} tileStarts offset of each tile, and of the end of the last one
 * @property {Uint8Array | null} index null without flag bit 2
 */
/**
 * @param {Reader} reader at the beginning of the file
 * @returns {Head}
 */
export function readHead(reader: Reader): Head;
/**
 * Splits the rest of the file into parts, and verifies the checksum, but not those of tiles.
 * @param {Reader} reader behind the head
 * @param {Head} head
 * @returns {Parts}
 */
export function readParts(reader: Reader, head: Head): Parts;
/**
 * @param {Reader} reader behind the head
 * @param {Head} head
 */
export function readDurationBytes(reader: Reader, { animated, frames }: Head): Uint8Array<ArrayBufferLike>;
/**
 * The bytes of a tile, verified.
 * @param {Uint8Array} bytes the file
 * @param {Parts} parts
 * @param {number} tile
 */
export function tileBytes(bytes: Uint8Array, parts: Parts, tile: number): Uint8Array<ArrayBufferLike>;
export const CODERS: readonly ["zstd", "mix", "max", "fast"];
export type Coder = (typeof CODERS)[number];
/**
 * What the beginning of a file tells. Nothing of it is verified before the checksum is.
 */
export type Head = {
    /**
     * `major.minor`
     */
    version: string;
    coder: Coder;
    /**
     * how many entries the palette has
     */
    colors: number;
    /**
     * of an entry: 4 with alpha
     */
    channels: 3 | 4;
    width: number;
    height: number;
    /**
     * columns of a tile, except of those cut off at the right edge
     */
    tileWidth: number;
    /**
     * rows of a tile, except of those cut off at the bottom edge
     */
    tileHeight: number;
    /**
     * frames of a tile, except of the last ones
     */
    tileFrames: number;
    /**
     * how many tiles there are; 0 with one colour
     */
    tiles: number;
    /**
     * whether the file says so, even if it has only one frame
     */
    animated: boolean;
    /**
     * 1 for stills
     */
    frames: number;
    /**
     * how many times an animation is shown; 0 for ever (and for stills)
     */
    loop: number;
    /**
     * of the durations, in milliseconds
     */
    unit: number;
    hasMetadata: boolean;
};
/**
 * The parts of a file whose checksum is correct.
 */
export type Parts = {
    /**
     * empty if they are all alike, or if there are none
     */
    durations: Uint8Array;
    /**
     * empty if there is no metadata
     */
    metadataHeader: Uint8Array;
    metadataParts: Uint8Array;
    palette: Uint8Array;
    /**
     * offset of each tile, and of the end of the last one
     */
    tileStarts: Float64Array;
    /**
     * null without flag bit 2
     */
    index: Uint8Array | null;
};
import { Reader } from './reader.js';
