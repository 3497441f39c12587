/**
 * A decoding table. For each state: symbol << 14 | bits << 10 | base; the next state is base plus a number of so many
 * bits.
 * @typedef {object} FseTable
 * @property {number} log how many bits a state has
 * @property {Int32Array} entries
 */
/**
 * @param {number[]} counts the probability of each symbol, -1 for "less than 1"
 * @param {number} log
 * @returns {FseTable}
 */
export function buildTable(counts: number[], log: number): FseTable;
/**
 * The table with one state, which always has the same symbol.
 * @param {number} symbol
 * @returns {FseTable}
 */
export function constantTable(symbol: number): FseTable;
/**
 * Reads the description of a table.
 * @param {Uint8Array} bytes
 * @param {number} start
 * @param {number} end
 * @param {number} maxLog
 * @param {number} maxSymbol
 * @returns {{ table: FseTable, at: number }} `at` is the offset behind it
 */
export function readTable(bytes: Uint8Array, start: number, end: number, maxLog: number, maxSymbol: number): {
    table: FseTable;
    at: number;
};
/**
 * A decoding table. For each state: symbol << 14 | bits << 10 | base; the next state is base plus a number of so many
 * bits.
 */
export type FseTable = {
    /**
     * how many bits a state has
     */
    log: number;
    entries: Int32Array;
};
