/** A worker that turns KPAL files into PNG files. */
import { convert } from './convert.js'

if (typeof document === 'undefined') {
  addEventListener('message', async ({ data: { bytes } }) => {
    const answer = await convert(bytes)
    const transfer = answer.png ? [answer.png.buffer] : []
    postMessage(answer, { transfer: /** @type {ArrayBuffer[]} */ (transfer) })
  })

  postMessage({ ready: true })
}
