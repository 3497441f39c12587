/**
 * The content of a frame of n bytes.
 * @param {Uint8Array} stored
 * @param {number} n
 */
export function readFrame(stored: Uint8Array, n: number): Uint8Array<ArrayBufferLike>;
/** Reads the content of a frame of n bytes piece by piece, and holds little more than its window. */
export class FrameReader {
    /**
     * @param {Uint8Array} stored
     * @param {number} n
     * @param {number} maxWindow
     * @param {number} [most] how many bytes are read at a time
     */
    constructor(stored: Uint8Array, n: number, maxWindow: number, most?: number);
    window: number;
    blocks: BlockDecoder;
    at: number;
    end: number;
    last: boolean;
    /** How many bytes were not yet decoded, and from where on those in `blocks.out` were not yet read. */
    missing: number;
    from: number;
    /**
     * The next bytes. They are shared with what is needed later, unless they are all that remain.
     * @param {number} count
     */
    read(count: number): Uint8Array<ArrayBufferLike>;
    block(): void;
}
import { BlockDecoder } from './block.js';
