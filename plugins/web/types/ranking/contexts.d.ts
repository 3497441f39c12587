export function makeFlags(): Int32Array<ArrayBuffer>;
/**
 * Sixteen numbers each: the ends D_0 to D_14, and the count. (D_15 is always 32767.)
 * @param {number} k
 */
export function makeDistributions(k: number): Int32Array<ArrayBuffer>;
export const ROW: 0;
export const SPAN: number;
export const NUMBER: number;
export const BIT: number;
export const SECOND: number;
export const WEST: number;
export const NEAR: number;
export const SLOT: number;
export const FLAGS: number;
export const SIZES: 0;
export const RANK: 16;
export const BITS: Uint8Array<ArrayBuffer>;
export const FIRST: Uint8Array<ArrayBuffer>;
export const TRUST: number[][];
