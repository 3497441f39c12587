/**
 * The contexts of all flags, given those of the first frame.
 * @param {Int32Array} first
 */
export function withLaterFlags(first: Int32Array): Int32Array<ArrayBuffer>;
export const FRAME: number;
export const MOTION: number;
export const BLOCK: number;
export const SAME: number;
export const STEADY: number;
export const SPAN: number;
export const SECOND: number;
export const PLACED: number;
export const BEFORE: number;
export const LATER: number;
