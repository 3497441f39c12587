import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inflateSync } from 'node:zlib'
import { decode, inspect, toPNG } from '../src/index.js'
import { chunks, files } from './files.js'

/** A reader of its own: the pictures as they are shown, each with its milliseconds. */
function readAnimation(png) {
  const shown = []
  let next = 0
  let canvas, width, depth, control, count, loop
  const number = (content) => assert.equal(content.readUInt32BE(0), next++)
  const draw = (data) => {
    const [w, h, x0, y0] = [4, 8, 12, 16].map((at) => control.readUInt32BE(at))
    assert.deepEqual([control[24], control[25]], [0, 0])
    const rows = inflateSync(data)
    const stride = 1 + Math.ceil((w * depth) / 8)
    assert.equal(rows.length, stride * h)
    assert.ok(x0 + w <= width && (y0 + h) * width <= canvas.length)
    canvas = Uint8Array.from(canvas)
    for (let y = 0; y < h; y++) {
      for (let x = 0; x < w; x++) {
        const bit = x * depth
        canvas[(y0 + y) * width + x0 + x] = (rows[y * stride + 1 + (bit >> 3)] >> (8 - depth - (bit & 7))) & (2 ** depth - 1)
      }
    }
    shown.push({ indices: canvas, milliseconds: (1000 * control.readUInt16BE(20)) / control.readUInt16BE(22) })
  }
  for (const [type, content] of chunks(png)) {
    if (type === 'IHDR') {
      width = content.readUInt32BE(0)
      depth = content[8]
      canvas = new Uint8Array(width * content.readUInt32BE(4))
    } else if (type === 'acTL') {
      count = content.readUInt32BE(0)
      loop = content.readUInt32BE(4)
    } else if (type === 'fcTL') {
      number(content)
      control = content
    } else if (type === 'IDAT') draw(content)
    else if (type === 'fdAT') {
      number(content)
      draw(content.subarray(4))
    }
  }
  assert.equal(shown.length, count)
  return { shown: merged(shown), loop }
}

/** Without frames that equal the one before. */
function merged(frames) {
  const out = []
  for (const { indices, milliseconds } of frames) {
    const last = out.at(-1)
    if (last && Buffer.from(last.indices).equals(indices)) last.milliseconds += milliseconds
    else out.push({ indices: new Uint8Array(indices), milliseconds })
  }
  return out
}

const animations = [...files('vectors/valid'), ...[...files('random')].slice(0, 200)].filter(
  ([name, bytes]) => inspect(bytes).animated && inspect(bytes).frames * inspect(bytes).width * inspect(bytes).height < 4e6,
)

for (const [name, bytes] of animations) {
  test(`the APNG of ${name} shows the same`, async () => {
    const decoded = decode(bytes)
    for (const compress of [true, false]) {
      const png = await toPNG(bytes, { compress })
      const { shown, loop } = readAnimation(png)
      assert.equal(loop, Math.min(decoded.loop, 2 ** 31 - 1))
      assert.deepEqual(shown, merged(decoded.frames))
      assert.deepEqual(await toPNG(decoded, { compress }), png)
    }
  })
}
