/**
 * A kernel with at least so many bytes of memory, for one tile; or null: then WebAssembly or its vectors are missing, the
 * page's Content-Security-Policy forbids it, or there is no memory for it.
 * @param {number} size
 * @returns {Kernel | null}
 */
export function takeKernel(size: number): Kernel | null;
/**
 * Lets the next tile have a kernel.
 * @param {Kernel} kernel
 */
export function releaseKernel(kernel: Kernel): void;
/**
 * What an instance exports. See `Mixer` for what is in its memory.
 * @typedef {object} Kernel
 * @property {WebAssembly.Memory} memory
 * @property {(node: number, activityRow: number, textureRow: number, guessRow: number, count: number, impossible: number,
 *   p5: number, width: number) => number} nibble
 */
/** How many bytes of the memory are constants. */
export const CONSTANTS: 10464;
/**
 * What an instance exports. See `Mixer` for what is in its memory.
 */
export type Kernel = {
    memory: WebAssembly.Memory;
    nibble: (node: number, activityRow: number, textureRow: number, guessRow: number, count: number, impossible: number, p5: number, width: number) => number;
};
