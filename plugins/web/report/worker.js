/**
 * Decodes a file for the page of `kpal compare --html`, which has one worker for each file. The first message has the
 * file and its orientation; each message asks for a frame, and is answered with a PNG file of it.
 */
import { toPNG } from '../src/png.js'
import { Film } from './film.js'

/** @type {Film} */
let film

addEventListener('message', async ({ data: { bytes, orientation, number } }) => {
  try {
    if (bytes) film = new Film(bytes, orientation)
    const png = await toPNG(film.frame(number), { compress: false })
    const { decoded, milliseconds } = film
    postMessage({ png, decoded, milliseconds }, { transfer: [/** @type {ArrayBuffer} */ (png.buffer)] })
  } catch (error) {
    postMessage({ error: String(/** @type {Error} */ (error)?.message ?? error) })
  }
})
