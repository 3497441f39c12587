import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inflateSync } from 'node:zlib'
import { PNG } from 'pngjs'
import { decode, toImageData, toPNG, toRGBA } from '../src/index.js'
import { store } from '../src/png.js'
import { chunks, files } from './files.js'

for (const [name, bytes] of [...files('vectors/valid'), ...[...files('random')].slice(0, 60)]) {
  test(`an independent reader sees the same PNG of ${name}`, async () => {
    const decoded = decode(bytes)
    const png = await toPNG(bytes)
    const read = PNG.sync.read(Buffer.from(png))
    assert.equal(read.width, decoded.width)
    assert.equal(read.height, decoded.height)
    assert.deepEqual(new Uint8Array(read.data), new Uint8Array(toRGBA(decoded)))
  })
}

test('without CompressionStream', async () => {
  const bytes = [...files('vectors/valid')].find(([name]) => name.includes('noise'))[1]
  const { CompressionStream } = globalThis
  globalThis.CompressionStream = undefined
  try {
    const png = PNG.sync.read(Buffer.from(await toPNG(decode(bytes))))
    assert.deepEqual(new Uint8Array(png.data), new Uint8Array(toRGBA(decode(bytes))))
  } finally {
    globalThis.CompressionStream = CompressionStream
  }
  const long = Uint8Array.from({ length: 200000 }, (_, i) => i * i)
  for (const length of [0, 1, 65535, 65536, 200000]) {
    const part = long.subarray(0, length)
    assert.deepEqual(new Uint8Array(inflateSync(store(part))), part)
  }
})

test('metadata', async () => {
  const bytes = files('vectors/valid').get('metadata-all.kpal')
  const { metadata } = decode(bytes)
  const found = chunks(await toPNG(bytes))
  const get = (type) => found.find(([t]) => t === type)[1]
  assert.deepEqual([...found.map(([type]) => type)].slice(0, 2), ['IHDR', 'iCCP'])
  assert.equal(get('pHYs').readUInt32BE(0), metadata.density[0])
  assert.equal(get('pHYs').readUInt32BE(4), metadata.density[1])
  assert.deepEqual(new Uint8Array(inflateSync(get('iCCP').subarray(13))), metadata.icc)
  const texts = found.filter(([type]) => type === 'iTXt').map(([, content]) => content.toString())
  assert.ok(texts.some((text) => text.startsWith('XML:com.adobe.xmp\0')))
  assert.ok(texts.includes('Title\0\0\0\0\0Täst'))
  assert.ok(!found.some(([type]) => type === 'sRGB'))
})

test('image data', () => {
  const decoded = decode(files('vectors/valid').get('example.kpal'))
  const { data, width, height } = toImageData(decoded)
  assert.deepEqual([width, height, ...data], [2, 1, 255, 0, 0, 255, 0, 0, 255, 255])
})
