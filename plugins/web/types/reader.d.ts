/**
 * The little-endian number of four bytes at an offset.
 * @param {Uint8Array} bytes
 * @param {number} at
 */
export function uint32(bytes: Uint8Array, at: number): number;
/** Reads the parts of a file one after the other, and nothing beyond their end. */
export class Reader {
    /** @param {Uint8Array} bytes */
    constructor(bytes: Uint8Array);
    bytes: Uint8Array<ArrayBufferLike>;
    at: number;
    /** @param {string} part what is read, for the message */
    byte(part: string): number;
    /**
     * A number in LEB128, in its shortest form and at most five bytes long. It can exceed 32 bits: hence no shifts.
     * @param {string} part
     * @param {number} least
     * @param {number} greatest
     */
    varint(part: string, least: number, greatest: number): number;
    /**
     * The next bytes, not copied.
     * @param {string} part
     * @param {number} length
     */
    take(part: string, length: number): Uint8Array<ArrayBufferLike>;
}
