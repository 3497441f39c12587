/**
 * The file, or null if it is none: then only its first bytes are read.
 * @param {Response} response
 * @param {(bytes: Uint8Array) => void} [onHead] called with the first bytes of a KPAL file, at least 64 unless it is shorter
 */
export function readKpal({ body }: Response, onHead?: (bytes: Uint8Array) => void): Promise<Uint8Array<ArrayBuffer> | null>;
