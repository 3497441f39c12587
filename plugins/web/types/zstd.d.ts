/**
 * The smallest of 1, 2, 4 and 8 bits that suffices.
 * @param {number} colors
 */
export function bitsPerIndex(colors: number): 1 | 2 | 4 | 8;
export class ZstdTile {
    /**
     * @param {Uint8Array} bytes
     * @param {import('./tile.js').TileShape} shape
     */
    constructor(bytes: Uint8Array, { width, height, frames, colors }: import("./tile.js").TileShape);
    width: number;
    height: number;
    colors: number;
    bits: number;
    packed: boolean;
    /** How many bytes a frame takes. */
    size: number;
    source: FrameReader | {
        read: () => Uint8Array<ArrayBufferLike>;
    };
    /** The frame before, if frames are stored as differences. */
    before: Uint8Array<ArrayBuffer> | null;
    several: boolean;
    /** The indices of the next frame. */
    read(): Uint8Array<ArrayBufferLike>;
    /** Passes over the next frame. */
    skip(): void;
}
import { FrameReader } from './zstandard/frame.js';
