import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readKpal } from '../src/read-kpal.js'
import { makeKpal } from './browser/kpal-files.js'

/**
 * A response that comes in pieces, and what has been read of it.
 * @param {Iterator<Uint8Array>} pieces
 */
function inPieces(pieces) {
  const seen = { pieces: 0, cancelled: false }
  const stream = new ReadableStream(
    {
      pull(controller) {
        const { value, done } = pieces.next()
        if (done) return controller.close()
        seen.pieces++
        controller.enqueue(value)
      },
      cancel() {
        seen.cancelled = true
      },
    },
    { highWaterMark: 0 },
  )
  return { response: new Response(stream), seen }
}

test('a file is read whole, in whatever pieces it comes', async () => {
  const bytes = makeKpal(1)
  for (const size of [1, 7, 63, 64, 65, bytes.length]) {
    const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.slice(i * size, (i + 1) * size))
    const heads = []
    assert.deepEqual(await readKpal(inPieces(pieces.values()).response, (head) => heads.push(head.length)), bytes)
    assert.deepEqual(heads, [Math.max(size, Math.ceil(64 / size) * size)])
  }
})

test('no more than the beginning is read of anything else', async () => {
  const { response, seen } = inPieces(
    (function* () {
      for (;;) yield new Uint8Array(32)
    })(),
  )
  assert.equal(await readKpal(response), null)
  assert.deepEqual(seen, { pieces: 2, cancelled: true })
  assert.equal(await readKpal(new Response('short')), null)
  assert.equal(await readKpal(new Response(null)), null)
})

test('a file of which only some bytes have come is handed on, for its error', async () => {
  const cut = makeKpal(1).slice(0, 12)
  const heads = []
  assert.deepEqual(await readKpal(new Response(cut), (head) => heads.push(head)), cut)
  assert.deepEqual(heads, [cut])
})

test('nothing more is read once the beginning is refused', async () => {
  const { response, seen } = inPieces([makeKpal(1), new Uint8Array(9), new Uint8Array(9)].values())
  await assert.rejects(readKpal(response, () => assert.fail('newer')), /newer/)
  assert.deepEqual(seen, { pieces: 1, cancelled: true })
})
