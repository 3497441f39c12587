/**
 * far() of two colours with these differences.
 * @param {number} r
 * @param {number} g
 * @param {number} b
 * @param {number} a
 */
export function far(r: number, g: number, b: number, a: number): number;
export class Guesses {
    /**
     * @param {import('./neighbourhood.js').Neighbourhood} around
     * @param {Int32Array} colours R, G, B, A of each rank, premultiplied
     * @param {boolean} opaque
     */
    constructor(around: import("./neighbourhood.js").Neighbourhood, colours: Int32Array, opaque: boolean);
    around: import("./neighbourhood.js").Neighbourhood;
    colours: Int32Array<ArrayBufferLike>;
    channels: number;
    /** distance() of ranks a, b at a << 8 | b, once it was needed. */
    distances: Int16Array<ArrayBuffer>;
    /** Guess m of channel j is at 8j + m. */
    values: Int32Array<ArrayBuffer>;
    share: Int32Array<ArrayBuffer>;
    above: Int32Array<ArrayBuffer>;
    row: Int32Array<ArrayBuffer>;
    snaps: Snaps;
    texture: number;
    activity: number;
    doubt: number;
    startRow(): void;
    /** Makes the guesses for the current pixel. */
    make(): void;
    /**
     * The same in frames after the first. Returns the prediction p5.
     * @param {number} p the pixel in the reference
     * @param {number} moved
     */
    makeLater(p: number, moved: number): number;
    /** Sets texture and activity. Returns the tilt. */
    look(): number;
    /**
     * @param {number} a
     * @param {number} b
     */
    distance(a: number, b: number): number;
    /**
     * @param {number} a
     * @param {number} b
     */
    measure(a: number, b: number): number;
    /** The share of each guess in the blend, by the errors around. */
    weigh(): void;
    /**
     * @param {number} j
     * @param {number} tilt
     * @param {number} edge
     */
    channel(j: number, tilt: number, edge: number): void;
    /**
     * The rank that is nearest to guess m.
     * @param {number} m
     */
    snap(m: number): number;
    /**
     * To be called once the pixel is known, if guesses were made.
     * @param {number} pixel
     */
    update(pixel: number): void;
    /**
     * To be called for pixels that a flag decided.
     * @param {number} count
     */
    skip(count: number): void;
}
/** For each cell of a grid of colours the rank nearest to its centre, found when it is first needed. */
declare class Snaps {
    /**
     * @param {Int32Array} colours
     * @param {boolean} opaque
     */
    constructor(colours: Int32Array, opaque: boolean);
    colours: Int32Array<ArrayBufferLike>;
    opaque: boolean;
    ranks: Int16Array<ArrayBuffer>;
    /**
     * @param {number} r
     * @param {number} g
     * @param {number} b
     * @param {number} a
     */
    find(r: number, g: number, b: number, a: number): number;
    /**
     * @param {number} r
     * @param {number} g
     * @param {number} b
     * @param {number} a
     */
    nearest(r: number, g: number, b: number, a: number): number;
}
export {};
