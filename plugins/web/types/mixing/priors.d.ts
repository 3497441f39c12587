/** Logarithms of symbols, for each of 17 nodes, by the rank p5 and the width d; made when they are first needed. */
export class Priors {
    /** @param {Int32Array} colours R, G, B, A of each rank, premultiplied */
    constructor(colours: Int32Array);
    colours: Int32Array<ArrayBufferLike>;
    k: number;
    /** In pairs, as the mixer stores them. */
    logs: Int32Array<ArrayBuffer>;
    /** Which nodes are made, a bit for each. */
    made: Int32Array<ArrayBuffer>;
    masses: Int32Array<ArrayBuffer>;
    groups: Int32Array<ArrayBuffer>;
    sixteen: Int32Array<ArrayBuffer>;
    /**
     * The offset in `logs` of the prior of a node.
     * @param {number} p5
     * @param {number} d
     * @param {number} node
     */
    find(p5: number, d: number, node: number): number;
    /**
     * @param {number} at
     * @param {number} p5
     * @param {number} d
     */
    makeHigh(at: number, p5: number, d: number): void;
    /**
     * @param {number} at
     * @param {number} p5
     * @param {number} d
     * @param {number} high
     */
    makeLow(at: number, p5: number, d: number, high: number): void;
    /**
     * @param {number} at
     * @param {Int32Array} logs
     */
    store(at: number, logs: Int32Array): void;
    /**
     * Sets the masses of the 16 ranks below a high nibble, and returns their sum.
     * @param {number} p5
     * @param {number} d
     * @param {number} high
     */
    group(p5: number, d: number, high: number): number;
}
