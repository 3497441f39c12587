/** The decoder of the page of `kpal compare --html`. tests/comparison/test_page_in_browsers.py has it in browsers. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { make } from '../build.js'
import { Film } from '../report/film.js'
import { decode, KpalError } from '../src/index.js'
import { makeKpal } from './browser/kpal-files.js'
import { files } from './files.js'

const ORDERS = { 'forwards': [0, 1, 2, 3, 4], 'again': [2, 2, 4, 4], 'backwards': [4, 3, 2, 1, 0], 'around': [0, 4, 0, 1, 4, 3] }

for (const name of ['mix-frames-16-colours-alpha.kpal', 'fast-groups-of-frames.kpal']) {
  const bytes = files('vectors/valid').get(name)
  const { frames } = decode(bytes)
  for (const [order, numbers] of Object.entries(ORDERS)) {
    for (const mostKept of [1e6, 0]) {
      test(`${name}: frames ${order}, ${mostKept ? 'kept' : 'decoded again'}`, () => {
        const film = new Film(bytes, 1, mostKept)
        for (const number of numbers) assert.deepEqual(film.frame(number).indices, frames[number].indices)
        assert.equal(film.decoded, Math.max(...numbers) + 1)
        assert.equal(film.kept.length, mostKept ? film.decoded : 1)
      })
    }
  }
}

test('pictures are turned as Exif says', () => {
  const bytes = makeKpal(1, { width: 5, height: 3 })
  const { indices } = decode(bytes)
  // For each orientation, the column and row in the file of what is shown at (x, y).
  const sources = [
    (x, y) => [x, y],
    (x, y) => [4 - x, y],
    (x, y) => [4 - x, 2 - y],
    (x, y) => [x, 2 - y],
    (x, y) => [y, x],
    (x, y) => [y, 2 - x],
    (x, y) => [4 - y, 2 - x],
    (x, y) => [4 - y, x],
  ]
  sources.forEach((source, i) => {
    const turned = new Film(bytes, i + 1).frame(0)
    assert.deepEqual([turned.width, turned.height], i < 4 ? [5, 3] : [3, 5])
    turned.indices.forEach((index, at) => {
      const [x, y] = source(at % turned.width, Math.floor(at / turned.width))
      assert.equal(index, indices[y * 5 + x], `orientation ${i + 1}`)
    })
  })
})

test('a frame that is damaged has no picture', () => {
  const bytes = Uint8Array.from(files('vectors/valid').get('fast-groups-of-frames.kpal'))
  bytes[bytes.length - 9] ^= 1
  const film = new Film(bytes, 1)
  const { frames } = decode(files('vectors/valid').get('fast-groups-of-frames.kpal'))
  assert.deepEqual(film.frame(0).indices, frames[0].indices)
  assert.throws(() => film.frame(frames.length - 1), KpalError)
})

test('the decoder of the page is built from what is there', async () => {
  const name = '../../kpal/comparison/page/decoder.js'
  assert.equal(readFileSync(new URL(`../${name}`, import.meta.url), 'utf-8'), (await make())[name], 'npm run build')
})
