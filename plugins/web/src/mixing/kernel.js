/** The mixer's loops in WebAssembly (`kernel/mixer.ts`), for whoever allows it and has vectors of 128 bits. */
import { CODE } from './kernel-code.js'
import { DECAY, EXP, LEAST, LOG, RATE } from './tables.js'

/**
 * What an instance exports. See `Mixer` for what is in its memory.
 * @typedef {object} Kernel
 * @property {WebAssembly.Memory} memory
 * @property {(node: number, activityRow: number, textureRow: number, guessRow: number, count: number, impossible: number,
 *   p5: number, width: number) => number} nibble
 */

/** How many bytes of the memory are constants. */
export const CONSTANTS = 10464

/**
 * Null if there can be none, undefined before that is known. WebAssembly's memory is little-endian: on a big-endian machine,
 * typed arrays would swap its bytes.
 * @type {WebAssembly.Module | null | undefined}
 */
let module = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1 ? undefined : null

/**
 * The kernel that was used last. Its memory can be large, so it is kept only until memory is cleaned up.
 * @type {WeakRef<Kernel> | undefined}
 */
let idle

/**
 * A kernel with at least so many bytes of memory, for one tile; or null: then WebAssembly or its vectors are missing, the
 * page's Content-Security-Policy forbids it, or there is no memory for it.
 * @param {number} size
 * @returns {Kernel | null}
 */
export function takeKernel(size) {
  if (module === null) return null
  const kernel = idle?.deref()
  idle = undefined
  try {
    module ??= new WebAssembly.Module(Uint8Array.from(CODE.match(/\w\w/g) ?? [], (byte) => parseInt(byte, 16)))
    return grown(kernel ?? makeKernel(module), size)
  } catch {
    module ??= null
    return null
  }
}

/**
 * Lets the next tile have a kernel.
 * @param {Kernel} kernel
 */
export function releaseKernel(kernel) {
  idle = new WeakRef(kernel)
}

/**
 * @param {Kernel} kernel
 * @param {number} size
 */
function grown(kernel, size) {
  const missing = size - kernel.memory.buffer.byteLength
  if (missing > 0) kernel.memory.grow(Math.ceil(missing / 65536))
  return kernel
}

/** @param {WebAssembly.Module} module */
function makeKernel(module) {
  const kernel = /** @type {Kernel} */ (/** @type {unknown} */ (new WebAssembly.Instance(module).exports))
  const { buffer } = kernel.memory // as kernel/mixer.ts has it
  new Int16Array(buffer, 0, 11).set([8191, -8191, 24000, -24000, 10000, -10000, 1023, 0, LEAST, -32768, 16384])
  new Int32Array(buffer, 24, 6).set([32768, 0, 3, 4, 2, 4])
  new Int16Array(buffer, 48, 16).set([...Array(16).keys()])
  new Uint16Array(buffer, 80).set(RATE)
  new Int16Array(buffer, 144).set(DECAY)
  new Int16Array(buffer, 208).set(LOG)
  new Uint16Array(buffer, 8400).set(EXP)
  return kernel
}
