/**
 * The palette index of each rank.
 * @param {Uint8Array} colours
 * @param {number} k
 */
export function rankOrder(colours: Uint8Array, k: number): Uint8Array<ArrayBuffer>;
