/**
 * Whether tiles of this size can have motion.
 * @param {number} pixels of a frame
 */
export function canMove(pixels: number): boolean;
export class Motion {
    /**
     * @param {import('./decisions.js').Decisions} decisions
     * @param {number} width
     * @param {number} height
     */
    constructor(decisions: import("./decisions.js").Decisions, width: number, height: number);
    decisions: import("./decisions.js").Decisions;
    width: number;
    height: number;
    across: number;
    moves: number;
    /** The number of each block: 0 if it stays, else that of a vector. */
    blocks: Uint8Array<ArrayBuffer>;
    /** @type {number[]} */
    dx: number[];
    /** @type {number[]} */
    dy: number[];
    /** Decodes the motion of the next frame. Returns 1 if there is any, else 0. */
    read(): 0 | 1;
    /**
     * @param {number} count
     * @param {number} above
     * @param {number} left
     */
    block(count: number, above: number, left: number): number;
    /**
     * Makes the moved frame.
     * @param {Uint8Array} cells
     * @param {number} stride
     * @param {number} from the position of the first pixel of the frame before
     * @param {number} to the same of the moved frame
     */
    move(cells: Uint8Array, stride: number, from: number, to: number): void;
}
