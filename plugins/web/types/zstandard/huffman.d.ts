/**
 * Entries of a table are symbol << 5 | bits, indexed by the next `log` bits of the stream.
 * @typedef {object} HuffmanTable
 * @property {number} log
 * @property {Uint16Array} entries
 */
/**
 * @param {Uint8Array} bytes
 * @param {number} start
 * @param {number} end
 * @returns {{ table: HuffmanTable, at: number }} `at` is the offset behind the table
 */
export function readHuffmanTable(bytes: Uint8Array, start: number, end: number): {
    table: HuffmanTable;
    at: number;
};
/**
 * Decodes one stream of literals, which must be used up.
 * @param {HuffmanTable} table
 * @param {BackwardBits} bits
 * @param {Uint8Array} out
 * @param {number} from
 * @param {number} to
 */
export function decodeStream({ log, entries }: HuffmanTable, bits: BackwardBits, out: Uint8Array, from: number, to: number): void;
/**
 * Decodes four streams, each a quarter of the literals. They take turns, because the processor can decode two literals of
 * one while it still waits for those of another.
 * @param {HuffmanTable} table
 * @param {BackwardBits[]} streams
 * @param {Uint8Array} out
 * @param {number} length
 */
export function decodeFourStreams(table: HuffmanTable, streams: BackwardBits[], out: Uint8Array, length: number): void;
/**
 * Entries of a table are symbol << 5 | bits, indexed by the next `log` bits of the stream.
 */
export type HuffmanTable = {
    log: number;
    entries: Uint16Array;
};
import { BackwardBits } from './bits.js';
