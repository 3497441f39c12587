/** @param {import('./neighbourhood.js').Neighbourhood} around */
export function aroundHash({ w, n, nw, ne, ww, nn, nee, nne }: import("./neighbourhood.js").Neighbourhood): number;
/**
 * @param {number} matched
 * @param {number} similarity
 * @param {number} candidate
 */
export function agreement(matched: number, similarity: number, candidate: number): number;
export class FlagModel {
    /**
     * @param {import('../range-coder.js').RangeDecoder} decoder
     * @param {import('./neighbourhood.js').Neighbourhood} around
     * @param {import('./match.js').MatchModel} match
     */
    constructor(decoder: import("../range-coder.js").RangeDecoder, around: import("./neighbourhood.js").Neighbourhood, match: import("./match.js").MatchModel);
    decoder: import("../range-coder.js").RangeDecoder;
    around: import("./neighbourhood.js").Neighbourhood;
    match: import("./match.js").MatchModel;
    change: number;
    failedUntil: number;
    spans: number;
    bits: number;
    slots: Int16Array<ArrayBuffer>;
    coarse: Int32Array<ArrayBuffer>;
    fine: Int32Array<ArrayBuffer>;
    keys: Int32Array<ArrayBuffer>;
    used: Int32Array<ArrayBuffer>;
    stretch: Int32Array<ArrayBuffer>;
    startRow(): void;
    /** Finds the next column in the row above that differs from N, two or more columns ahead. */
    findChange(): void;
    /**
     * Tries to decode a span of pixels that are all W, if the next pixels may be one. Returns how many there are, 0 if
     * none. `findChange` must have been called.
     * @param {import('./frames.js').LaterFrames | null} later in frames after the first
     */
    span(later: import("./frames.js").LaterFrames | null): number;
    /**
     * Whether the cells two rows above are all W, too.
     * @param {number} span
     */
    isAbove(span: number): 0 | 1;
    /**
     * @param {number} size
     * @param {number} above
     * @param {number} follows
     */
    setSpanKeys(size: number, above: number, follows: number): void;
    /**
     * Whether the pixel is the candidate. `findChange` must have been called.
     * @param {number} candidate
     * @param {import('./frames.js').LaterFrames | null} later in frames after the first
     */
    single(candidate: number, later: import("./frames.js").LaterFrames | null): 0 | 1;
    /**
     * Decodes the flag whose keys are set.
     * @param {number} coarseRow
     * @param {number} fineRow
     */
    decode(coarseRow: number, fineRow: number): 0 | 1;
    /**
     * @param {number} coarseAt
     * @param {number} fineAt
     * @param {number} bit
     * @param {number} error
     */
    learn(coarseAt: number, fineAt: number, bit: number, error: number): void;
}
