/** Decodes a file for the demo page, and makes a PNG file of it. */
import { decode, inspect, toPNG } from '../src/index.js'

addEventListener('message', async ({ data: bytes }) => {
  try {
    const start = performance.now()
    const image = decode(bytes)
    const milliseconds = performance.now() - start
    const counts = new Float64Array(256)
    for (const { indices } of image.frames ?? [image]) for (let i = 0; i < indices.length; i++) counts[indices[i]]++
    postMessage({ image, head: inspect(bytes), milliseconds, counts })
    postMessage({ png: await toPNG(image) })
  } catch (error) {
    postMessage({ error: String(/** @type {Error} */ (error)?.message ?? error) })
  }
})
