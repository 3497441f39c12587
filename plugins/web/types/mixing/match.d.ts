export const NONE: -1;
export class MatchModel {
    /**
     * @param {import('./neighbourhood.js').Neighbourhood} around
     * @param {boolean} hasSecond
     */
    constructor(around: import("./neighbourhood.js").Neighbourhood, hasSecond: boolean);
    around: import("./neighbourhood.js").Neighbourhood;
    view: DataView<ArrayBuffer>;
    hasSecond: boolean;
    mask: number;
    latest: Int32Array<ArrayBuffer>;
    latestShort: Int32Array<ArrayBuffer>;
    match: number;
    length: number;
    similarity: number;
    second: number;
    secondSimilarity: number;
    /** The rank at the match. */
    matched: number;
    lengthClass: number;
    /** To be called before each pixel. */
    find(): void;
    lookUp(): void;
    /**
     * @param {number} hash
     * @param {number} at
     */
    lookUpSecond(hash: number, at: number): void;
    /**
     * How many of 16 cells around p and q are equal. Four at a time are read and compared.
     * @param {number} p
     * @param {number} q
     */
    similar(p: number, q: number): number;
    /**
     * To be called after each pixel.
     * @param {number} pixel
     */
    update(pixel: number): void;
    drop(): void;
    /**
     * Whether the cells from the match on are all W, as a span would be: 0 without a match, 1 if so, else 2.
     * @param {number} span
     */
    follows(span: number): 0 | 1 | 2;
    /**
     * To be called after a span, with what `follows` said of it.
     * @param {number} span
     * @param {number} follows
     */
    updateSpan(span: number, follows: number): void;
    endRow(): void;
}
