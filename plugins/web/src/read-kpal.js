/** Reads responses only as far as they are KPAL files. */
import { hasMagic } from './auto/address.js'
import { concat } from './bytes.js'

const HEAD = 64

/**
 * The file, or null if it is none: then only its first bytes are read.
 * @param {Response} response
 * @param {(bytes: Uint8Array) => void} [onHead] called with the first bytes of a KPAL file, at least 64 unless it is shorter
 */
export async function readKpal({ body }, onHead) {
  const reader = /** @type {ReadableStream<Uint8Array> | null} */ (body)?.getReader()
  if (!reader) return null
  const chunks = []
  let length = 0
  let known = false
  try {
    for (let part; !(part = await reader.read()).done; ) {
      chunks.push(part.value)
      length += part.value.length
      if (known || length < HEAD) continue
      const first = concat(chunks)
      if (!hasMagic(first)) return null
      known = true
      onHead?.(first)
    }
  } finally {
    reader.cancel().catch(() => {})
  }
  const bytes = concat(chunks)
  if (known) return bytes
  if (!hasMagic(bytes)) return null
  onHead?.(bytes)
  return bytes
}
