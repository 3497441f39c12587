/** @param {Uint8Array} bytes */
export function hasMagic(bytes: Uint8Array): boolean;
/**
 * Whether the name ends with `.kpal`. It is only a hint, which saves time.
 * @param {string} url absolute
 */
export function hasName(url: string): boolean;
/** @param {string} url */
export function isData(url: string): boolean;
/**
 * The bytes in a data: URL. They are not fetched, which a page's policy may forbid.
 * @param {string} url
 * @returns {Uint8Array}
 */
export function dataBytes(url: string): Uint8Array;
/**
 * Whether the first bytes in a data: URL are those of a KPAL file.
 * @param {string} url
 */
export function isKpalData(url: string): boolean;
/**
 * @param {string} url
 * @param {string} base
 */
export function absolute(url: string, base: string): string;
/** What an address tells about the image behind it, without fetching it. */
/** The first bytes of every KPAL file. */
export const MAGIC: number[];
