/**
 * The one map that the bytes are.
 * @param {Uint8Array} bytes
 * @returns {Map<string, unknown>}
 */
export function readMap(bytes: Uint8Array): Map<string, unknown>;
/** @param {string} what */
export function invalid(what: string): KpalError;
/**
 * The text, or null if the bytes are not UTF-8. A byte order mark is a character like any other.
 * @param {Uint8Array} bytes
 */
export function utf8(bytes: Uint8Array): string | null;
import { KpalError } from './errors.js';
