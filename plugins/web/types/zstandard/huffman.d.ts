/**
 * Entries of a table are symbol << 4 | bits, indexed by the next `log` bits of the stream.
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
 * @param {Uint8Array} bytes
 * @param {number} start
 * @param {number} end
 * @param {Uint8Array} out
 * @param {number} from
 * @param {number} to
 */
export function decodeStream({ log, entries }: HuffmanTable, bytes: Uint8Array, start: number, end: number, out: Uint8Array, from: number, to: number): void;
/**
 * Entries of a table are symbol << 4 | bits, indexed by the next `log` bits of the stream.
 */
export type HuffmanTable = {
    log: number;
    entries: Uint16Array;
};
