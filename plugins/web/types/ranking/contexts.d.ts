/** @param {number} k */
export function makeContexts(k: number): Uint32Array<ArrayBuffer>;
/**
 * Fills the contexts from `start` to the end: 128 for each of the 24 kinds of candidates, again and again.
 * @param {Uint32Array} contexts
 * @param {number} start
 */
export function fillTrust(contexts: Uint32Array, start: number): void;
export const SIZES: 1;
export const RANK: number;
export const ROW: number;
export const SPAN: number;
export const NUMBER: number;
export const BIT: number;
export const SECOND: number;
export const WEST: number;
export const NEAR: number;
export const SLOT: number;
export const CONTEXTS: number;
export const BITS: Uint8Array<ArrayBuffer>;
export const FIRST: Uint8Array<ArrayBuffer>;
