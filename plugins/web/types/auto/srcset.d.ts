/**
 * Replaces URLs of a `srcset` attribute, and leaves all else as it is.
 * @param {string} srcset
 * @param {(url: string) => string | undefined} replacement for the URLs to be replaced
 * @returns {string}
 */
export function replaceCandidates(srcset: string, replacement: (url: string) => string | undefined): string;
