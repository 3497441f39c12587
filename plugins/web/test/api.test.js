import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decode, decodeFrame, frames, inspect, KpalError } from '../src/index.js'
import { files } from './files.js'

const valid = files('vectors/valid')
const example = valid.get('example.kpal')

/** A copy with a byte changed. */
function changed(bytes, at, value) {
  const copy = Uint8Array.from(bytes)
  copy[at] = value
  return copy
}

test('regions', () => {
  for (const name of ['mix-cut-off-tiles', 'fast-one-row-of-tiles', 'zstd-two-columns-of-tiles', 'max-flat', 'one-colour-large']) {
    const bytes = valid.get(`${name}.kpal`)
    const whole = decode(bytes)
    const { tileWidth, tileHeight } = inspect(bytes)
    const spots = [0, 1, tileWidth - 1, tileWidth, whole.width - 1]
    const rows = [0, tileHeight - 1, tileHeight, whole.height - 1]
    for (const x of spots) {
      for (const y of rows) {
        if (x < 0 || y < 0 || x >= whole.width || y >= whole.height) continue
        const region = { x, y, width: Math.min(70, whole.width - x), height: Math.min(3, whole.height - y) }
        const part = decode(bytes, { region })
        assert.deepEqual([part.width, part.height], [region.width, region.height])
        for (let j = 0; j < region.height; j++) {
          const from = (y + j) * whole.width + x
          const row = part.indices.subarray(j * region.width, (j + 1) * region.width)
          assert.deepEqual(row, whole.indices.subarray(from, from + region.width))
        }
      }
    }
  }
})

test('regions do not need the other tiles', () => {
  const bytes = valid.get('zstd-two-columns-of-tiles.kpal')
  const damaged = changed(bytes, bytes.length - 1, bytes.at(-1) ^ 1)
  assert.throws(() => decode(damaged), (error) => error instanceof KpalError && error.rule === 8)
  const region = { x: 0, y: 0, width: 5, height: 2 }
  assert.deepEqual(decode(damaged, { region }).indices, decode(bytes, { region }).indices)
})

test('wrong arguments are no KpalError', () => {
  const wrong = [
    { x: -1, y: 0, width: 1, height: 1 },
    { x: 0, y: 0, width: 3, height: 1 },
    { x: 0, y: 0, width: 0, height: 1 },
    { x: 0.5, y: 0, width: 1, height: 1 },
    { x: 0, y: 0, width: 1, height: 2 },
    { x: NaN, y: 0, width: 1, height: 1 },
  ]
  for (const region of wrong) assert.throws(() => decode(example, { region }), RangeError)
  assert.throws(() => decode('kpal'), TypeError)
  assert.throws(() => decodeFrame(example, 1), RangeError)
})

test('all kinds of bytes', () => {
  const want = decode(example).indices
  assert.deepEqual(decodeFrame(example, 0).indices, want)
  const copy = Uint8Array.from(example)
  assert.deepEqual(decode(copy.buffer).indices, want)
  const shifted = new Uint8Array(example.length + 7)
  shifted.set(example, 5)
  assert.deepEqual(decode(shifted.subarray(5, 5 + example.length)).indices, want)
})

test('what is returned shares no memory with the file', () => {
  const before = Buffer.from(valid.get('metadata-all.kpal'))
  const file = Buffer.from(before)
  const { indices, palette, metadata } = decode(file)
  for (const array of [indices, palette, metadata.icc, metadata.exif, metadata.xmp]) {
    assert.equal(array.constructor, Uint8Array)
    array.fill(77)
  }
  decode(valid.get('zstd-form-2-17-colours.kpal')).indices.fill(77)
  assert.deepEqual(file, before)
  assert.equal(decode(valid.get('zstd-form-2-17-colours.kpal')).indices[0] === 77, false)
})

test('maxPixels comes before everything that is large', () => {
  assert.equal(decode(example, { maxPixels: 2 }).width, 2)
  const refused = (error) => error instanceof KpalError && error.kind === 'too-large' && error.rule === 0
  assert.throws(() => decode(example, { maxPixels: 1 }), refused)
  const huge = Uint8Array.of(...example.subarray(0, 12), 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff, 0x7f)
  assert.throws(() => decode(huge), refused)
})

test('kinds of errors', () => {
  const kind = (bytes) => {
    try {
      decode(bytes)
    } catch (error) {
      return `${error.kind} ${error.rule} ${error.offset}`
    }
    return ''
  }
  assert.equal(kind(changed(example, 0, 0)), 'not-kpal 1 0')
  assert.equal(kind(changed(example, 8, 16)), 'newer 2 8')
  assert.equal(kind(changed(example, 8, 3)), 'older 2 8')
  assert.equal(kind(changed(example, 9, 16)), 'newer 3 9')
  assert.equal(kind(changed(example, 10, 9)), 'newer 4 10')
  assert.equal(kind(example.subarray(0, 20)), 'damaged 6 15')
  assert.equal(kind(changed(example, 27, 0)), 'damaged 8 24')
})

test('inspect needs only the beginning', () => {
  const head = inspect(valid.get('mix-cut-off-tiles.kpal').subarray(0, 44))
  assert.equal(head.coder, 'mix')
  assert.ok(head.tiles > 1)
  assert.equal(inspect(example).version, '0.9')
  const animation = valid.get('durations-packed.kpal')
  assert.equal(inspect(animation.subarray(0, 25)).durations, null)
  assert.equal(inspect(animation.subarray(0, 25)).frames, 600)
  assert.equal(inspect(animation).durations.length, 600)
})

for (const [name, bytes] of [...valid, ...[...files('random')].slice(0, 100)]) {
  if (!inspect(bytes).animated) continue
  test(`frame after frame, and single frames, of ${name}`, () => {
    const whole = decode(bytes)
    const { width, height } = whole
    const part = { x: width >> 2, y: height >> 2, width: (width + 1) >> 1, height: (height + 1) >> 1 }
    for (const region of [undefined, part]) {
      let n = 0
      for (const frame of frames(bytes, { region })) {
        const { milliseconds, indices } = whole.frames[n]
        const want = region ? cut(indices, width, region) : indices
        const same = { ...whole, ...(region && { width: region.width, height: region.height }), indices: want, frames: null, milliseconds }
        assert.deepEqual(frame, same)
        if (n % 7 < 3) assert.deepEqual(decodeFrame(bytes, n, { region }), same)
        n++
      }
      assert.equal(n, whole.frames.length)
    }
    for (const n of [-1, whole.frames.length, 0.5, NaN]) assert.throws(() => decodeFrame(bytes, n), RangeError)
  })
}

function cut(indices, width, region) {
  const rows = Array.from({ length: region.height }, (_, y) => (region.y + y) * width + region.x)
  return new Uint8Array(Buffer.concat(rows.map((at) => indices.subarray(at, at + region.width))))
}

test('maxPixels counts the frames asked for', () => {
  const bytes = valid.get('mix-frames-2-colours.kpal')
  const refused = (error) => error instanceof KpalError && error.kind === 'too-large'
  const all = 6 * 14 * 11
  assert.equal(decode(bytes, { maxPixels: all }).frames.length, 6)
  assert.throws(() => decode(bytes, { maxPixels: all - 1 }), refused)
  assert.equal(decodeFrame(bytes, 5, { maxPixels: 14 * 11 }).frames, null)
  assert.throws(() => decodeFrame(bytes, 5, { maxPixels: 14 * 11 - 1 }), refused)
  assert.equal([...frames(bytes, { maxPixels: 14 * 11 })].length, 6)
  assert.throws(() => frames(bytes, { maxPixels: 14 * 11 - 1 }), refused)
})

test('frames may be changed while others are decoded', () => {
  for (const coder of ['zstd', 'fast', 'mix', 'max']) {
    const bytes = valid.get(`${coder}-frames-at-rest.kpal`)
    const whole = decode(bytes)
    let n = 0
    for (const frame of frames(bytes)) {
      assert.deepEqual(frame.indices, whole.frames[n++].indices)
      frame.indices.fill(77)
    }
  }
})

test('every small damage is noticed', () => {
  for (const [name, bytes] of valid) {
    if (bytes.length > 130) continue
    const rejected = (copy, what) => assert.throws(() => decode(copy), KpalError, `${name}: ${what}`)
    for (let i = 0; i < bytes.length; i++) {
      for (let bit = 0; bit < 8; bit++) rejected(changed(bytes, i, bytes[i] ^ (1 << bit)), `bit ${bit} of ${i}`)
      rejected(Uint8Array.of(...bytes.subarray(0, i), ...bytes.subarray(i + 1)), `without byte ${i}`)
      rejected(Uint8Array.of(...bytes.subarray(0, i + 1), ...bytes.subarray(i)), `byte ${i} twice`)
      rejected(bytes.subarray(0, i), `${i} bytes`)
    }
  }
})
