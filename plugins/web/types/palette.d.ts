/**
 * The palette, entry by entry: `channels` bytes each.
 * @param {Uint8Array} section
 * @param {number} colors
 * @param {3 | 4} channels
 */
export function readPalette(section: Uint8Array, colors: number, channels: 3 | 4): Uint8Array<ArrayBuffer>;
