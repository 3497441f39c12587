import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decode, inspect, KpalError } from '../src/index.js'
import { files, json, sha256 } from './files.js'

const expected = json('vectors/valid.json')

/** The colours of all pixels, with as many channels as the palette has. */
function colours(decoded) {
  const { palette, channels } = decoded
  const indices = allIndices(decoded)
  const out = new Uint8Array(indices.length * channels)
  indices.forEach((index, i) => {
    for (let j = 0; j < channels; j++) out[i * channels + j] = palette[index * channels + j]
  })
  return out
}

/** The indices of all frames. */
function allIndices({ indices, frames }) {
  return frames ? Buffer.concat(frames.map((frame) => frame.indices)) : indices
}

/** Whether frames, durations and loop are as expected. */
function checkAnimation(bytes, decoded, want) {
  const { frames, loop } = decoded
  assert.equal(frames?.length ?? 1, want.frames ?? 1)
  assert.equal(loop, want.loop ?? 0)
  assert.deepEqual(frames?.map((frame) => frame.milliseconds) ?? null, want.durations ?? null)
  assert.deepEqual(inspect(bytes).durations, want.durations ?? null)
  assert.equal(frames ? decoded.indices : null, frames ? frames[0].indices : null)
}

function digests(metadata) {
  const out = {}
  for (const [key, value] of Object.entries(metadata)) {
    out[key] = key === 'text' ? Object.fromEntries(value) : key === 'density' ? value : sha256(value)
  }
  return out
}

for (const [name, bytes] of files('vectors/valid')) {
  test(`reads ${name}`, () => {
    const want = expected[name.replace('.kpal', '')]
    const head = inspect(bytes.subarray(0, 44))
    assert.equal(head.coder, want.coder)
    assert.equal(head.colors, want.colors)
    const decoded = decode(bytes)
    assert.equal(decoded.width, want.width)
    assert.equal(decoded.height, want.height)
    assert.equal(decoded.channels, want.channels)
    assert.equal(sha256(decoded.palette), want.palette)
    assert.equal(sha256(colours(decoded)), want.pixels)
    checkAnimation(bytes, decoded, want)
    assert.deepEqual(digests(decoded.metadata), want.metadata)
  })
}

for (const [name, bytes] of files('vectors/invalid')) {
  test(`rejects ${name}`, () => {
    const rule = Number(name.slice(0, 2))
    assert.throws(
      () => decode(bytes, { maxPixels: Infinity }),
      (error) => {
        assert.ok(error instanceof KpalError, String(error.stack))
        assert.equal(error.rule, rule, error.message)
        return true
      },
    )
  })
}

const written = json('random/expected.json')
for (const [name, bytes] of files('random')) {
  test(`reads random/${name}`, () => {
    const want = written[name]
    const decoded = decode(bytes)
    assert.deepEqual([decoded.width, decoded.height, decoded.channels], [want.width, want.height, want.channels])
    assert.equal(decoded.palette.length, want.colors * want.channels)
    assert.equal(sha256(decoded.palette), want.palette_sha256)
    assert.equal(sha256(allIndices(decoded)), want.indices_sha256)
    checkAnimation(bytes, decoded, want)
  })
}
