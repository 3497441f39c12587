/**
 * @param {number} n pixels in the tile
 * @param {number} maxBits
 */
export function slotTable(n: number, maxBits: number): Int32Array<ArrayBuffer>;
/**
 * The colour of a slot, or -1 if it is no candidate.
 * @param {number} slot
 * @param {number} flat
 * @param {number} w
 */
export function usable(slot: number, flat: number, w: number): number;
/**
 * @param {number} colour
 * @param {number} w
 * @param {number} n
 * @param {number} ne
 */
export function which(colour: number, w: number, n: number, ne: number): 0 | 1 | 2 | 3;
/**
 * What a slot is after a pixel: `slot` before, or 0 if it was another one's or empty.
 * @param {number} slot
 * @param {number} check
 * @param {number} pixel
 */
export function learned(slot: number, check: number, pixel: number): number;
export const LEFT: 3;
export const RIGHT: 2;
export const NONE: -1;
export const C1: 789269575;
export const C2: 506832829;
export const C3: 739982445;
/** How many EDGES are not above a sum of three distances. */
export const ACTIVITY: Uint8Array<ArrayBuffer>;
/** How much the confidence of a slot counts for its flag: l and m of the specification, by confidence. */
export const LONG_TRUST: Uint8Array<ArrayBuffer>;
export const SHORT_TRUST: Uint8Array<ArrayBuffer>;
export class RankingTile {
    /**
     * @param {Uint8Array} bytes
     * @param {import('../tile.js').TileShape} shape
     */
    constructor(bytes: Uint8Array, { width, height, frames, colors, colours }: import("../tile.js").TileShape);
    width: number;
    height: number;
    frames: number;
    k: number;
    decisions: Decisions;
    lists: ColourLists;
    distances: Uint8Array<ArrayBuffer>;
    long: Int32Array<ArrayBuffer>;
    short: Int32Array<ArrayBuffer>;
    stride: number;
    planeSize: number;
    cells: Uint8Array<ArrayBuffer>;
    /** The position of the first pixel of the frame at hand. */
    start: number;
    rows: number;
    spans: number;
    whole: number;
    change: number;
    /** How many frames have been decoded. */
    done: number;
    /** @type {LaterFrames | null} */
    later: LaterFrames | null;
    /** The indices of the next frame. */
    read(): Uint8Array<ArrayBuffer>;
    /** Passes over the next frame. */
    skip(): void;
    firstFrame(): void;
    /**
     * Whether the row is the same as the row above.
     * @param {number} start
     */
    isRepeated(start: number): 0 | 1;
    /**
     * @param {number} start the position of the row's first pixel
     * @param {number} y
     */
    setMargins(start: number, y: number): void;
    /** @param {number} start */
    row(start: number): void;
    /**
     * Decodes a span, or the pixels up to and including the first one that differs. Returns the next column.
     * @param {number} start
     * @param {number} x
     */
    flat(start: number, x: number): number;
    /**
     * Decodes how many pixels are W. Returns the next column. If the span is not `whole`, the pixel there is not W.
     * @param {number} start
     * @param {number} x
     * @param {number} contexts of the flag for the whole span
     */
    flatSpan(start: number, x: number, contexts: number): number;
    /**
     * How many pixels from column x on are flat if all before them are W.
     * @param {number} above the position of the first cell of the row above
     * @param {number} x
     * @param {number} w
     */
    span(above: number, x: number, w: number): number;
    /** @param {number} size */
    number(size: number): number;
    /**
     * Decodes one pixel, section 5.3.5.
     * @param {number} at
     * @param {number} flat 0 or 1; a flat pixel here is not W
     */
    pixel(at: number, flat: number): void;
    /** @param {number} at */
    longKey(at: number): number;
    /**
     * @param {number} w
     * @param {number} n
     * @param {number} nw
     * @param {number} ne
     */
    shortKey(w: number, n: number, nw: number, ne: number): number;
    /**
     * Tries W, N and NE, except those that were refused already. Returns the pixel, or -1 if it is none of them.
     * @param {number} w
     * @param {number} n
     * @param {number} ne
     * @param {number} x
     * @param {number} first
     * @param {number} second
     * @param {number} third
     * @param {number} p the pixel in the frame before, or -1
     * @param {number} context
     */
    near(w: number, n: number, ne: number, x: number, first: number, second: number, third: number, p: number, context: number): number;
    /**
     * The distribution of ranks in the list of X.
     * @param {number} flat
     * @param {number} activity
     * @param {number} x
     */
    distribution(flat: number, activity: number, x: number): number;
    /**
     * Decodes a rank in the list of X, among the colours that were not yet refused.
     * @param {number} distribution
     * @param {number} x
     * @param {number} y
     * @param {number} w
     * @param {number} n
     * @param {number} ne
     * @param {number} first
     * @param {number} before the pixel in the frame before, or -1
     */
    ranked(distribution: number, x: number, y: number, w: number, n: number, ne: number, first: number, before: number): number;
    /**
     * The number of a rank whose class is t.
     * @param {number} t
     */
    rank(t: number): number;
}
import { Decisions } from './decisions.js';
import { ColourLists } from './lists.js';
import { LaterFrames } from './frames.js';
