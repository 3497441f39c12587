/**
 * The context of a flag in one number: its probability p of a 1, in units of 1/65536, and how often it was used.
 * @param {number} p
 * @param {number} [count]
 */
export function flagContext(p: number, count?: number): number;
/** The state of the range decoder with all contexts behind it. */
export class Decisions extends RangeDecoder {
    /** @param {number} i which context */
    flag(i: number): 0 | 1;
    /**
     * A number of b bits, all equally likely.
     * @param {number} b
     */
    raw(b: number): number;
    /**
     * Instead of dividing code by the unit, this multiplies the ends of the distribution.
     * @param {number} i which distribution
     */
    symbol(i: number): number;
    /**
     * @param {number} at
     * @param {number} s
     */
    adapt(at: number, s: number): void;
}
import { RangeDecoder } from '../range-coder.js';
