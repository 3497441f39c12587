export class LaterFrames {
    /** @param {import('./tile.js').RankingTile} tile whose first frame is decoded */
    constructor(tile: import("./tile.js").RankingTile);
    tile: import("./tile.js").RankingTile;
    place: Int32Array<ArrayBuffer>;
    /** The positions of the first pixels of the frames before and two before; and of a plane for a moved frame. */
    before: number;
    twiceBefore: number;
    moved: number;
    motion: Motion | null;
    plane: number;
    counted: number;
    /** From a pixel to its place in the reference, and in the frame two before. */
    back: number;
    backTwice: number;
    sameFrames: number;
    steadySpans: number;
    sameRows: number;
    rowFlags: Uint8Array<ArrayBuffer>;
    hasMoved: number;
    stirred: number;
    turn: number;
    news: number;
    broken: number;
    last: number;
    /** Decodes the next frame. */
    next(): void;
    /** What comes before the rows. */
    begin(): void;
    /**
     * The rows above and below the reference, and above the frame.
     * @param {number} reference
     */
    setMargins(reference: number): void;
    /**
     * @param {number} start
     * @param {number} y
     */
    row(start: number, y: number): void;
    /**
     * @param {number} start
     * @param {number} y
     * @param {number} about
     */
    pixels(start: number, y: number, about: number): void;
    /**
     * Decodes how many pixels from column x on are the same as in the reference. If none, the next one differs.
     * @param {number} start
     * @param {number} x
     * @param {number} about
     */
    steady(start: number, x: number, about: number): number;
    /**
     * The next column, two or more ahead, in which the row above differs from the reference.
     * @param {number} above the position of the first pixel of the row above
     * @param {number} x
     */
    findTurn(above: number, x: number): number;
    /**
     * The next column in which the reference differs from the frame two before.
     * @param {number} start
     * @param {number} x
     */
    findNews(start: number, x: number): number;
    /**
     * Decodes a span, or the pixels up to and including the first one that differs. Returns the next column.
     * @param {number} start
     * @param {number} x
     * @param {number} y
     * @param {number} changed
     */
    flat(start: number, x: number, y: number, changed: number): number;
    /**
     * @param {number} at
     * @param {number} x
     * @param {number} y
     * @param {number} flat 0 or 1; a flat pixel here is not W
     * @param {number} changed 0 or 1; a changed pixel is not P
     */
    pixel(at: number, x: number, y: number, flat: number, changed: number): void;
}
import { Motion } from './motion.js';
