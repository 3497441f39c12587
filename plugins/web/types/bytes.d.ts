/**
 * The bytes of all parts, one after the other.
 * @param {ArrayLike<number>[]} parts
 */
export function concat(parts: ArrayLike<number>[]): Uint8Array<ArrayBuffer>;
