/** @typedef {import('./images.js').Images} Images */
/** @typedef {import('./cache.js').Cache} Cache */
/**
 * @param {Images} images
 * @param {Cache} cache
 * @param {(root: ShadowRoot) => void} onShadowRoot
 * @returns {() => void} takes all patches back
 */
export function patch(images: Images, cache: Cache, onShadowRoot: (root: ShadowRoot) => void): () => void;
export type Images = import("./images.js").Images;
export type Cache = import("./cache.js").Cache;
