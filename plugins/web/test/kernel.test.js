import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from 'node:test'
import { makeKernel } from '../build.js'
import { decode, frames, KpalError } from '../src/index.js'
import { CODE } from '../src/mixing/kernel-code.js'
import { takeKernel } from '../src/mixing/kernel.js'
import { files, sha256 } from './files.js'

const valid = files('vectors/valid')

/** The indices of all frames of a vector. */
function indices(name) {
  const decoded = decode(valid.get(`${name}.kpal`))
  return (decoded.frames ?? [decoded]).map((frame) => frame.indices)
}

test('the committed WebAssembly is what its source gives: npm run build', async () => {
  const committed = readFileSync(fileURLToPath(new URL('../src/mixing/kernel-code.js', import.meta.url)), 'utf-8')
  assert.equal(committed, await makeKernel())
})

test('it is small enough for all browsers to compile it at once', () => {
  assert.ok(CODE.match(/\w\w/g).length < 4096)
})

test('WebAssembly is used where there is any', () => {
  assert.ok(takeKernel(1))
})

test('a policy that forbids WebAssembly changes no pixel', () => {
  const index = new URL('../src/index.js', import.meta.url)
  const name = 'mix-frames-256-colours-alpha.kpal'
  const script = `
    WebAssembly.Module = class {
      constructor() {
        throw new WebAssembly.CompileError("Refused to compile: 'unsafe-eval' is not an allowed source of script")
      }
    }
    const { decode } = await import('${index}')
    const { frames } = decode(Buffer.from('${valid.get(name).toString('base64')}', 'base64'))
    process.stdout.write(Buffer.concat(frames.map((frame) => frame.indices)))`
  const out = execFileSync(process.execPath, ['--input-type=module', '-e', script])
  assert.equal(sha256(out), sha256(Buffer.concat(decode(valid.get(name)).frames.map((frame) => frame.indices))))
})

test('animations that are decoded in turns do not share memory', () => {
  const names = ['mix-frames-256-colours-alpha', 'max-frames-256-colours-alpha', 'mix-frames-that-move', 'mix-frames-17-colours']
  const want = names.map(indices)
  const got = names.map(() => [])
  const open = names.map((name) => frames(valid.get(`${name}.kpal`)))
  for (let isMore = true; isMore; ) {
    isMore = false
    open.forEach((generator, i) => {
      const { value, done } = generator.next()
      if (done) return
      got[i].push(value.indices)
      isMore = true
    })
  }
  assert.deepEqual(got, want)
})

test('a tile leaves nothing behind for the next one', () => {
  const names = ['max-frames-256-colours-alpha', 'mix-frames-256-colours-alpha', 'mix-frames-2-colours', 'mix-14x9-16-colours-alpha']
  const want = names.map(indices)
  for (let i = 0; i < names.length; i++) {
    for (let j = 0; j < names.length; j++) assert.deepEqual([indices(names[i]), indices(names[j])], [want[i], want[j]])
  }
})

test('tiles use the same memory one after the other, damaged ones too', () => {
  const { Instance } = WebAssembly
  let made = 0
  WebAssembly.Instance = /** @type {any} */ (
    class extends Instance {
      constructor(/** @type {WebAssembly.Module} */ module) {
        super(module)
        made++
      }
    }
  )
  try {
    for (let i = 0; i < 20; i++) {
      decode(valid.get('mix-frames-that-move.kpal'))
      decode(valid.get('max-cut-off-tiles.kpal'))
      const bad = files('vectors/invalid')
      for (const [name, bytes] of bad) if (name.startsWith('17')) assert.throws(() => decode(bytes), KpalError)
    }
  } finally {
    WebAssembly.Instance = Instance
  }
  assert.ok(made <= 1, `${made} instances`)
})
