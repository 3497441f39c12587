/**
 * Checks the bounds that keep all positions within a tile below 2^27.
 * @param {number} width
 * @param {number} height
 * @param {number} frames
 */
export function checkTileSize(width: number, height: number, frames: number): void;
export const CODE: 0;
export const RANGE: 1;
export class RangeDecoder {
    /**
     * @param {Uint8Array} bytes of a tile
     * @param {Uint32Array} [state] whose first two numbers are the decoder's
     */
    constructor(bytes: Uint8Array, state?: Uint32Array);
    bytes: Uint8Array<ArrayBufferLike>;
    state: Uint32Array<ArrayBufferLike>;
    /** How many bytes have been read, with the zeros that follow the last byte. */
    at: number;
    /**
     * Goes on with the part of the range that begins at `below` and is `width` wide.
     * @param {number} below
     * @param {number} width
     */
    narrow(below: number, width: number): void;
    /** To be called now and then: an end that is too early is noticed before much is made of it. */
    check(): void;
    /** To be called after the last pixel: encoders omit zeros, but only from the last four bytes. */
    finish(): void;
    fail(): void;
}
