/**
 * The logarithm of an event's probability after it has occurred.
 * @param {number} p the logarithm before
 * @param {number} rate
 */
export function after(p: number, rate: number): number;
/**
 * The logarithm of part / whole.
 * @param {number} part
 * @param {number} whole
 */
export function fraction(part: number, whole: number): number;
/**
 * @param {number} v
 * @param {number} most
 */
export function limit(v: number, most: number): number;
/** The tables of section 5.2.1 of the specification. Logarithms are in units of 1/1024 of a power of two. */
/** The least logarithm of a probability (2^-12). */
export const LEAST: -12288;
export function bitLength(v: number): number;
/** One entry more than in the specification is 0: for impossible symbols. */
export const EXP: Uint16Array<ArrayBuffer>;
export const LOG: Int16Array<ArrayBuffer>;
export const RATE: Int32Array<ArrayBuffer>;
export const DECAY: Int16Array<ArrayBuffer>;
export const FLAG_RATE: Int32Array<ArrayBuffer>;
export const FLAG_DECAY: Int16Array<ArrayBuffer>;
export const TRUST: Int32Array<ArrayBuffer>;
export const SPREAD: Int32Array<ArrayBuffer>;
