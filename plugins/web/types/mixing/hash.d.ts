/**
 * @param {number} a
 * @param {number} b
 */
export function combine(a: number, b: number): number;
/** @param {number} h from 0 to 2^31 - 1 */
export function fold(h: number): number;
/** @param {number} h */
export function hashKey(h: number): number;
/**
 * @param {number} a
 * @param {number} b
 * @param {number} c
 * @param {number} d
 */
export function pack(a: number, b: number, c: number, d: number): number;
/**
 * The hash of a node of a context: `base` is the context's, node 0 the high nibble, node 1 + high the low one.
 * @param {number} base
 * @param {number} node
 */
export function hashNode(base: number, node: number): number;
/**
 * The hash of key number c of a flag.
 * @param {number} key
 * @param {number} c
 */
export function hashFlag(key: number, c: number): number;
