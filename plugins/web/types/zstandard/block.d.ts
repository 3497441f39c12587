export const MAX_BLOCK: 131072;
/** Decodes blocks one after the other; each may use the tables and the output of those before. */
export class BlockDecoder {
    /**
     * @param {Uint8Array} bytes
     * @param {Uint8Array} out
     */
    constructor(bytes: Uint8Array, out: Uint8Array);
    bytes: Uint8Array<ArrayBufferLike>;
    view: DataView<ArrayBufferLike>;
    out: Uint8Array<ArrayBufferLike>;
    /** How much of the output there is. */
    length: number;
    literals: Uint8Array<ArrayBuffer>;
    literalsView: DataView<ArrayBufferLike>;
    outView: DataView<ArrayBufferLike>;
    literalsLength: number;
    /** @type {import('./huffman.js').HuffmanTable | null} */
    huffman: import("./huffman.js").HuffmanTable | null;
    /** @type {Record<keyof ReturnType<typeof makeKinds>, FseTable | null>} */
    tables: Record<keyof ReturnType<typeof makeKinds>, FseTable | null>;
    recent: number;
    recent2: number;
    recent3: number;
    /**
     * @param {number} start
     * @param {number} end
     */
    compressed(start: number, end: number): void;
    /**
     * Decodes the literals, and returns the offset of the sequences.
     * @param {number} start
     * @param {number} end
     */
    readLiterals(start: number, end: number): number;
    /**
     * Raw literals (type 0), or one that is repeated (type 1).
     * @param {number} start
     * @param {number} end
     * @param {number} type
     * @param {number} format
     */
    plainLiterals(start: number, end: number, type: number, format: number): number;
    /** @param {number} length */
    setLiterals(length: number): void;
    /**
     * @param {number} start
     * @param {number} end
     */
    fourStreams(start: number, end: number): BackwardBits[];
    /**
     * @param {number} at
     * @param {number} end
     */
    readSequences(at: number, end: number): void;
    /**
     * @param {keyof ReturnType<typeof makeKinds>} name
     * @param {number} mode
     * @param {number} at
     * @param {number} end
     */
    readKind(name: keyof ReturnType<typeof makeKinds>, mode: number, at: number, end: number): number;
    /**
     * Decodes and executes the sequences. This is where most of the time goes: numbers are kept in local variables, and
     * the next states are loaded before the copies, whose ends the processor often mispredicts.
     * @param {number} count
     * @param {BackwardBits} bits
     */
    sequences(count: number, bits: BackwardBits): void;
    /**
     * @param {number} from
     * @param {number} to
     */
    copyLiterals(from: number, to: number): void;
    /**
     * @param {number} offset
     * @param {number} length
     */
    copyMatch(offset: number, length: number): void;
}
export type FseTable = import("./fse.js").FseTable;
declare function makeKinds(): {
    literals: {
        log: number;
        extra: Uint8Array<ArrayBuffer>;
        base: Int32Array<ArrayBuffer>;
        defaults: import("./fse.js").FseTable;
    };
    offset: {
        log: number;
        extra: Uint8Array<ArrayBuffer>;
        base: Int32Array<ArrayBuffer>;
        defaults: import("./fse.js").FseTable;
    };
    match: {
        log: number;
        extra: Uint8Array<ArrayBuffer>;
        base: Int32Array<ArrayBuffer>;
        defaults: import("./fse.js").FseTable;
    };
};
import { BackwardBits } from './bits.js';
export {};
