export const BIAS_ROWS: 768;
export class Mixer {
    /**
     * @param {Uint8Array} bytes of the tile
     * @param {import('./symbols.js').Variant} variant
     * @param {number} bits of slot tables
     * @param {number} moreContexts that frames after the first will add
     * @param {Int32Array} colours R, G, B, A of each rank, premultiplied
     */
    constructor(bytes: Uint8Array, variant: import("./symbols.js").Variant, bits: number, moreContexts: number, colours: Int32Array);
    variant: import("./symbols.js").Variant;
    contexts: number;
    hits: number;
    bits: number;
    k: number;
    kernel: import("./kernel.js").Kernel | null;
    /** The fields above, and more, where the kernel finds them. */
    numbers: Int32Array<ArrayBuffer>;
    meanErrors: Int32Array<ArrayBuffer>;
    p5: number;
    width: number;
    bases: Int32Array<ArrayBuffer>;
    hitContexts: Int32Array<ArrayBuffer>;
    hitSymbols: Int32Array<ArrayBuffer>;
    biasRows: Int32Array<ArrayBuffer>;
    byCount: Int16Array<ArrayBuffer>;
    byActivity: Int16Array<ArrayBuffer>;
    byTexture: Int16Array<ArrayBuffer>;
    byGuess: Int16Array<ArrayBuffer>;
    hitByActivity: Int32Array<ArrayBuffer>;
    hitByTexture: Int32Array<ArrayBuffer>;
    hitProbabilities: Uint16Array<ArrayBuffer>;
    biases: Int16Array<ArrayBuffer>;
    biasCounts: Uint8Array<ArrayBuffer>;
    colours: Int32Array<ArrayBuffer>;
    priorsMade: Uint32Array<ArrayBuffer>;
    checks: Uint16Array<ArrayBuffer>;
    logs: Int16Array<ArrayBuffer>;
    priors: Int16Array<ArrayBuffer>;
    decoder: RangeDecoder;
    used: Int32Array<ArrayBuffer>;
    counts: Int32Array<ArrayBuffer>;
    scores: Int32Array<ArrayBuffer>;
    frequencies: Int32Array<ArrayBuffer>;
    errors: Int32Array<ArrayBuffer>;
    hitStretches: Int32Array<ArrayBuffer>;
    nibbles: number;
    /**
     * Sets the weights by_count of contexts, from the first new one on.
     * @param {number} first
     */
    setWeights(first: number): void;
    setBiases(): void;
    /**
     * Adds what only frames after the first have.
     * @param {number} contexts
     * @param {number} hits
     */
    extend(contexts: number, hits: number): void;
    /** Lets the next tile have the memory. Nothing can be decoded after that. */
    release(): void;
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
     * Sets the scores to what biases and contexts say.
     * @param {number} activityAt
     * @param {number} textureAt
     * @param {number} guessAt
     */
    setScores(activityAt: number, textureAt: number, guessAt: number): void;
    /**
     * @param {number} isLow
     * @param {number} activityAt
     * @param {number} textureAt
     */
    addHits(isLow: number, activityAt: number, textureAt: number): void;
    /**
     * Sets the frequencies of all symbols, and returns their sum.
     * @param {number} count
     * @param {number} impossible
     */
    setFrequencies(count: number, impossible: number): number;
    /** @param {number} total */
    decode(total: number): number;
    /**
     * Sets the errors of all symbols, and returns the pace of learning.
     * @param {number} total
     * @param {number} z
     * @param {number} isLow
     */
    setErrors(total: number, z: number, isLow: number): number;
    /**
     * Slots and weights learn.
     * @param {number} activityAt
     * @param {number} textureAt
     * @param {number} guessAt
     * @param {number} z
     * @param {number} pace
     */
    learnContexts(activityAt: number, textureAt: number, guessAt: number, z: number, pace: number): void;
    /** @param {number} pace */
    learnBiases(pace: number): void;
    /**
     * @param {number} isLow
     * @param {number} activityAt
     * @param {number} textureAt
     * @param {number} z
     */
    learnHits(isLow: number, activityAt: number, textureAt: number, z: number): void;
}
import { RangeDecoder } from '../range-coder.js';
