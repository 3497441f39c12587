/**
 * 1 if equal, else 0, without a branch.
 * @param {number} a
 * @param {number} b
 */
export function same(a: number, b: number): number;
export class Neighbourhood {
    /**
     * @param {number} width
     * @param {number} height
     * @param {number} frames
     */
    constructor(width: number, height: number, frames: number);
    width: number;
    height: number;
    frames: number;
    stride: number;
    /** How many cells a frame takes. */
    size: number;
    /** How many frames the ring holds. */
    slots: number;
    canMove: boolean;
    /** Where the plane of moved blocks begins. */
    plane: number;
    cells: Uint8Array<ArrayBuffer>;
    /** The position of the first pixel of the frame at hand. */
    base: number;
    isFirst: boolean;
    x: number;
    y: number;
    at: number;
    w: number;
    ww: number;
    www: number;
    n: number;
    nw: number;
    nww: number;
    nwww: number;
    ne: number;
    nee: number;
    neee: number;
    nn: number;
    nnw: number;
    nne: number;
    nnee: number;
    flat: number;
    equal: number;
    run: number;
    /** @param {number} y */
    startRow(y: number): void;
    endRow(): void;
    /**
     * Looks around the pixel at column x of the row.
     * @param {number} x
     */
    look(x: number): void;
    /**
     * Stores `count` pixels from the current one on.
     * @param {number} rank
     * @param {number} count
     */
    put(rank: number, count: number): void;
}
