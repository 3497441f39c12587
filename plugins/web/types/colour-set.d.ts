/**
 * @param {Uint8Array} bytes
 * @param {number} colors
 * @param {3 | 4} channels
 */
export function readColourSet(bytes: Uint8Array, colors: number, channels: 3 | 4): Uint8Array<ArrayBuffer>;
