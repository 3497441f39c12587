/**
 * Milliseconds for each frame.
 * @param {Uint8Array} section
 * @param {import('./container.js').Head} head
 * @returns {number[]}
 */
export function readDurations(section: Uint8Array, { frames, unit }: import("./container.js").Head): number[];
