/**
 * A table of slots: check << 16 | colour << 8 | confidence, or 0 if empty.
 * @param {number} n pixels in the tile
 * @param {number} maxBits
 */
export function slotTable(n: number, maxBits: number): Int32Array<ArrayBuffer>;
/**
 * The last step of a hash.
 * @param {number} h
 * @param {number} factor
 */
export function mixed(h: number, factor: number): number;
/**
 * The slot of a key, or 0 if it is another one's or empty.
 * @param {Int32Array} table
 * @param {number} key
 */
export function lookUp(table: Int32Array, key: number): number;
/**
 * The colour of a slot, or -1 if it is no candidate.
 * @param {number} slot
 * @param {number} notW
 * @param {number} notP
 */
export function candidate(slot: number, notW: number, notP: number): number;
/**
 * Teaches a table the pixel of a key, whose slot was looked up before. The slot keeps its colour while it is trusted.
 * @param {Int32Array} table
 * @param {number} key
 * @param {number} slot
 * @param {number} pixel
 */
export function learn(table: Int32Array, key: number, slot: number, pixel: number): void;
/**
 * 1 if two numbers from 0 to 255 are equal, else 0: without a branch, as processors predict that of pixels badly.
 * @param {number} a
 * @param {number} b
 */
export function same(a: number, b: number): number;
/**
 * 0 for W, else 1 for N, else 2 for NE, else 3.
 * @param {number} colour
 * @param {number} w
 * @param {number} n
 * @param {number} ne
 */
export function which(colour: number, w: number, n: number, ne: number): number;
/** Slots of the coder `fast`, section 5.3.5 of the specification: which colour followed a hash of the neighbourhood. */
export const NONE: -1;
export const C1: 789269575;
export const C2: 506832829;
export const C3: 739982445;
/** How much the confidence of a slot counts for its flag: l and m of the specification, by confidence. */
export const LONG_TRUST: Uint8Array<ArrayBuffer>;
export const SHORT_TRUST: Uint8Array<ArrayBuffer>;
