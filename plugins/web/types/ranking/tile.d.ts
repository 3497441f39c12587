/**
 * Which neighbours are equal, one bit each.
 * @param {number} w
 * @param {number} ww
 * @param {number} n
 * @param {number} nn
 * @param {number} nw
 * @param {number} ne
 */
export function equalities(w: number, ww: number, n: number, nn: number, nw: number, ne: number): number;
export const LEFT: 3;
export const RIGHT: 2;
/** How many EDGES are not above a sum of three distances. */
export const ACTIVITY: Uint8Array<ArrayBuffer>;
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
    view: DataView<ArrayBuffer>;
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
     * Decodes a pixel that is none of the candidates: W, N, NE, or else a colour of the list of X.
     * @param {number} w
     * @param {number} n
     * @param {number} ne
     * @param {number} x W or N
     * @param {number} flat 0 or 1
     * @param {number} activity
     * @param {number} equal
     * @param {number} long 0 or 1: whether there was a long candidate
     * @param {number} first the candidates, or -1
     * @param {number} second
     * @param {number} third
     * @param {number} p the pixel in the frame before, or -1
     */
    unexpected(w: number, n: number, ne: number, x: number, flat: number, activity: number, equal: number, long: number, first: number, second: number, third: number, p: number): number;
    /**
     * The number of a rank whose class is t.
     * @param {number} t
     */
    rank(t: number): number;
}
import { Decisions } from './decisions.js';
import { ColourLists } from './lists.js';
import { LaterFrames } from './frames.js';
