export class Motion {
    /**
     * @param {import('./flags.js').FlagModel} flags
     * @param {import('./neighbourhood.js').Neighbourhood} around
     */
    constructor(flags: import("./flags.js").FlagModel, around: import("./neighbourhood.js").Neighbourhood);
    flags: import("./flags.js").FlagModel;
    around: import("./neighbourhood.js").Neighbourhood;
    moving: number;
    across: number;
    down: number;
    stride: number;
    map: Uint8Array<ArrayBuffer>;
    last: Uint8Array<ArrayBuffer>;
    dx: number[];
    dy: number[];
    /** Decodes the motion of the next frame. Returns whether there is any. */
    read(): boolean;
    /**
     * @param {number} a
     * @param {number} b
     */
    flag(a: number, b: number): 0 | 1;
    /**
     * @param {number} kind
     * @param {number} i
     */
    component(kind: number, i: number): number;
    /**
     * Decodes the number of a block.
     * @param {number} at
     * @param {number} count
     */
    block(at: number, count: number): void;
    /**
     * Makes the plane of moved blocks.
     * @param {number} slot where the frame before begins
     */
    move(slot: number): void;
    /**
     * @param {number} slot
     * @param {number} left
     * @param {number} top
     * @param {number} dx
     * @param {number} dy
     */
    moveBlock(slot: number, left: number, top: number, dx: number, dy: number): void;
}
