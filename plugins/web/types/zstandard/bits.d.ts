/** @param {string} what */
export function broken(what: string): KpalError;
/**
 * @param {Uint8Array} bytes
 */
export function withMargins(bytes: Uint8Array): {
    copy: Uint8Array<ArrayBuffer>;
    start: number;
    end: number;
};
/** @param {Uint8Array} bytes */
export function viewOf(bytes: Uint8Array): DataView<ArrayBufferLike>;
/**
 * The n <= 25 bits from bit `left` of a stream on.
 * @param {DataView} view
 * @param {number} start of the stream
 * @param {number} left
 * @param {number} n
 */
export function bitsAt(view: DataView, start: number, left: number, n: number): number;
/**
 * Reads a stream of bits from its end to its beginning, as FSE and Huffman streams are read. The last byte has a 1
 * above the first bit.
 */
export class BackwardBits {
    /**
     * @param {Uint8Array} bytes
     * @param {number} start
     * @param {number} end
     */
    constructor(bytes: Uint8Array, start: number, end: number);
    view: DataView<ArrayBufferLike>;
    start: number;
    /** How many bits are left; negative once more are read than there are. */
    left: number;
    /**
     * A number of at most 25 bits. Those in front of the stream are zeros.
     * @param {number} n
     */
    read(n: number): number;
}
import { KpalError } from '../errors.js';
