/**
 * The weight by_count of a context at first.
 * @param {number} contexts
 * @param {number} count
 */
export function weightOf(contexts: number, count: number): number;
/**
 * @typedef {object} Variant
 * @property {number} contexts
 * @property {number} hits
 * @property {number} maxBits of a slot table
 * @property {number} biases
 * @property {number} ease
 * @property {number} paceA
 * @property {number} paceB
 */
/** @type {Record<'mix' | 'max', Variant>} */
export const VARIANTS: Record<"mix" | "max", Variant>;
export class SymbolCoder {
    /**
     * @param {import('../range-coder.js').RangeDecoder} decoder
     * @param {Variant} variant
     * @param {number} k
     * @param {number} n pixels in the tile
     * @param {import('./priors.js').Priors} priors
     */
    constructor(decoder: import("../range-coder.js").RangeDecoder, variant: Variant, k: number, n: number, priors: import("./priors.js").Priors);
    decoder: import("../range-coder.js").RangeDecoder;
    variant: Variant;
    contexts: number;
    ease: number;
    k: number;
    priors: import("./priors.js").Priors;
    bases: Int32Array<ArrayBuffer>;
    biasRanks: Int32Array<ArrayBuffer>;
    hitRanks: Int32Array<ArrayBuffer>;
    hitContexts: Int32Array<ArrayBuffer>;
    activity: number;
    texture: number;
    p5: number;
    width: number;
    situation: number;
    reference: number;
    bits: number;
    slots: Uint16Array<ArrayBuffer>;
    logs: Int32Array<ArrayBuffer>;
    halves: Int16Array<ArrayBuffer>;
    used: Int32Array<ArrayBuffer>;
    counts: Int32Array<ArrayBuffer>;
    weights: Int32Array<ArrayBuffer>;
    sums: Int32Array<ArrayBuffer>;
    byCount: Int16Array<ArrayBuffer>;
    byActivity: Int16Array<ArrayBuffer>;
    byTexture: Int16Array<ArrayBuffer>;
    byGuess: Int16Array<ArrayBuffer>;
    biases: Int32Array<ArrayBuffer>;
    biasCounts: Uint8Array<ArrayBuffer>;
    biasUsed: Int32Array<ArrayBuffer>;
    rates: Int32Array<ArrayBuffer>;
    hitByActivity: Int32Array<ArrayBuffer>;
    hitByTexture: Int32Array<ArrayBuffer>;
    hitProbability: Int32Array<ArrayBuffer>;
    hitSymbol: Int32Array<ArrayBuffer>;
    hitUsed: Int32Array<ArrayBuffer>;
    hitStretch: Int32Array<ArrayBuffer>;
    scores: Int32Array<ArrayBuffer>;
    frequencies: Int32Array<ArrayBuffer>;
    errors: Int32Array<ArrayBuffer>;
    meanErrors: Int32Array<ArrayBuffer>;
    errorSum: number;
    nibbles: number;
    /**
     * Decodes a rank.
     * @param {number} excluded a rank that it is not, or -1
     */
    rank(excluded: number): number;
    /** @param {number} high */
    lowRow(high: number): number;
    /** The rows of biases and the symbols of hits for the high nibble. */
    setHighRows(): void;
    /** @param {number} high */
    setLowRows(high: number): void;
    /** The same for images of at most 16 colours. */
    setOnlyRows(): void;
    /**
     * Decodes a symbol from 0 to 15.
     * @param {number} node
     * @param {number} activityRow
     * @param {number} textureRow
     * @param {number} guessRow
     * @param {number} count symbols from here on are impossible
     * @param {number} impossible so is this one, if not -1
     */
    nibble(node: number, activityRow: number, textureRow: number, guessRow: number, count: number, impossible: number): number;
    /** @param {number} node */
    selectSlots(node: number): void;
    /**
     * @param {number} slot
     * @param {number} check
     * @param {number} node
     */
    reset(slot: number, check: number, node: number): void;
    /**
     * The weights of all contexts.
     * @param {number} activityAt
     * @param {number} textureAt
     * @param {number} guessAt
     */
    setWeights(activityAt: number, textureAt: number, guessAt: number): void;
    /** Sets the scores to what the biases say. */
    setBiases(): void;
    /**
     * Adds to the scores what five contexts say, beginning with context c.
     * @param {number} c
     */
    addContexts(c: number): void;
    /**
     * @param {number} low 0 for the high nibble, 1 for the low one
     * @param {number} activityAt
     * @param {number} textureAt
     */
    addHits(low: number, activityAt: number, textureAt: number): void;
    /**
     * Sets the frequencies of all symbols, and returns their sum.
     * @param {number} count
     * @param {number} impossible
     */
    setFrequencies(count: number, impossible: number): number;
    /**
     * @param {number} total
     * @param {number} count
     */
    decode(total: number, count: number): number;
    /**
     * Sets the errors of all symbols, and returns the pace of learning.
     * @param {number} total
     * @param {number} z
     * @param {number} low
     */
    setErrors(total: number, z: number, low: number): number;
    /**
     * Tells the slots of five contexts, beginning with context c, what the symbol was; sets the sums by which weights learn.
     * @param {number} c
     * @param {number} z
     */
    learnSlots(c: number, z: number): void;
    /**
     * @param {number} activityAt
     * @param {number} textureAt
     * @param {number} guessAt
     * @param {number} pace
     */
    learnWeights(activityAt: number, textureAt: number, guessAt: number, pace: number): void;
    /** @param {number} pace */
    learnBiases(pace: number): void;
    /**
     * How fast each row of biases learns.
     * @param {number} pace
     */
    setRates(pace: number): void;
    /**
     * @param {number} activityAt
     * @param {number} textureAt
     * @param {number} z
     */
    learnHits(activityAt: number, textureAt: number, z: number): void;
}
export type Variant = {
    contexts: number;
    hits: number;
    /**
     * of a slot table
     */
    maxBits: number;
    biases: number;
    ease: number;
    paceA: number;
    paceB: number;
};
