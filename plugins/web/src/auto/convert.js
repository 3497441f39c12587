import { toPNG } from '../png.js'

/**
 * @typedef {object} Answer
 * @property {Uint8Array} [png]
 * @property {string} [error] what is wrong with the file
 */

/**
 * @param {Uint8Array} bytes
 * @returns {Promise<Answer>}
 */
export async function convert(bytes) {
  try {
    return { png: await toPNG(bytes, { compress: false }) }
  } catch (error) {
    return { error: String(/** @type {Error} */ (error)?.message ?? error) }
  }
}
