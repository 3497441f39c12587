/**
 * dist() of all pairs of colours a, b, at a << 8 | b.
 * @param {Uint8Array} colours
 * @param {number} k
 */
export function makeDistances(colours: Uint8Array, k: number): Uint8Array<ArrayBuffer>;
export class ColourLists {
    /**
     * @param {Uint8Array} colours
     * @param {number} k
     */
    constructor(colours: Uint8Array, k: number);
    colours: Uint8Array<ArrayBufferLike>;
    k: number;
    /** The colour at place p of the list of X, at X << 8 | p. */
    order: Uint8Array<ArrayBuffer>;
    /** The place of colour c in the list of X, at X << 8 | c. */
    places: Uint8Array<ArrayBuffer>;
    made: Uint8Array<ArrayBuffer>;
    keys: Uint16Array<ArrayBuffer>;
    counts: Uint16Array<ArrayBuffer>;
    mean: Int32Array<ArrayBuffer>;
    used: Int32Array<ArrayBuffer>;
    /**
     * A list is made when it is first needed: of most colours, it never is.
     * @param {number} x
     */
    need(x: number): void;
    /**
     * Sorts the colours by their nearness to X, by counting.
     * @param {number} x
     */
    make(x: number): void;
    /**
     * The squared distance, rounded to four significant bits: e << 4 | m of the specification.
     * @param {number} x
     * @param {number} y
     */
    nearness(x: number, y: number): number;
    /**
     * Moves the colour at place p of the list of X towards the front, and returns it.
     * @param {number} x
     * @param {number} p
     */
    promote(x: number, p: number): number;
    /**
     * Moves a colour towards the front of the list of X.
     * @param {number} x
     * @param {number} colour
     */
    promoteColour(x: number, colour: number): void;
    /**
     * The colour at place p of the list of X, found by a symbol t.
     * @param {number} x
     * @param {number} t
     * @param {number} p
     */
    found(x: number, t: number, p: number): number;
}
