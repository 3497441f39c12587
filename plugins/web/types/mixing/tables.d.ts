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
/** The tables of section 5.2.1 of the specification. Logarithms are in units of 1/1024 of a power of two. */
/** The least logarithm of a probability (2^-12). */
export const LEAST: -12288;
export function bitLength(v: number): number;
/** The greatest absolute value of a score. */
export const GREATEST_SCORE: 30817;
/**
 * Beyond the 1024 entries of the specification the table goes on with the last one, up to the greatest difference of
 * two scores, and then with 0, for impossible symbols: so the hot loop needs neither clamp its argument nor ask which
 * symbols are possible.
 */
export const EXP: Uint16Array<ArrayBuffer>;
export const LOG: Int16Array<ArrayBuffer>;
export const DECAY: Int16Array<ArrayBuffer>;
export const BIAS_RATE: Int32Array<ArrayBuffer>;
export const FLAG_RATE: Int32Array<ArrayBuffer>;
export const FLAG_DECAY: Int16Array<ArrayBuffer>;
export const TRUST: Int32Array<ArrayBuffer>;
export const SPREAD: Int32Array<ArrayBuffer>;
/** RISE[i][j] is at i * RISE_ROW + j. */
export const RISE_ROW: 193;
export const RISE: Int16Array<ArrayBuffer>;
