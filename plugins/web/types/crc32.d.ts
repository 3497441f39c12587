/**
 * CRC-32 as in ISO 3309 and PNG.
 * @param {Uint8Array} bytes
 */
export function crc32(bytes: Uint8Array): number;
