/**
 * The contexts of all frames, given those of the first one.
 * @param {Uint32Array} first
 */
export function withLaterContexts(first: Uint32Array): Uint32Array<ArrayBuffer>;
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
