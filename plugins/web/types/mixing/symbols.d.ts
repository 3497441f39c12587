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
export const MORE_CONTEXTS: 2;
export class SymbolCoder extends Mixer {
    biasRanks: Int32Array<ArrayBuffer>;
    hitRanks: Int32Array<ArrayBuffer>;
    activity: number;
    texture: number;
    situation: number;
    reference: number;
    /**
     * Decodes a rank.
     * @param {number} excluded a rank that it is not, or -1
     */
    rank(excluded: number): number;
    /** Sets the rows of biases and the symbols of hits for the high nibble. */
    setHighRows(): void;
    /**
     * The same for the low nibble.
     * @param {number} high
     * @param {number} first row of biases for ranks below this high nibble
     */
    setLowRows(high: number, first: number): void;
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
import { Mixer } from './mixer.js';
