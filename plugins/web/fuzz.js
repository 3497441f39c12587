/**
 * Decodes damaged copies of the vectors: node fuzz.js [how many] [seed] [plain].
 * Three of four get correct checksums again, so that the damage reaches what is behind the checksums. Whatever comes
 * must be an image or a KpalError, and must come soon. The digest of all pixels and errors is the same for `plain`: without
 * WebAssembly.
 */
import { createHash } from 'node:crypto'
import { decode, decodeFrame, frames, inspect, KpalError, toPNG } from './src/index.js'
import { crc32 } from './src/crc32.js'
import { files } from './test/files.js'

const total = Number(process.argv[2] ?? 100000)
let seed = Number(process.argv[3] ?? 1)
if (process.argv[4] === 'plain') delete WebAssembly.Module
const MAX_PIXELS = 1 << 18
const MAX_SECONDS = 3

/** A whole number below n. */
function random(n) {
  seed = (Math.imul(seed ^ (seed >>> 15), 0x2c1b3c6d) + 0x9e3779b9) | 0
  return Math.floor(((Math.imul(seed ^ (seed >>> 13), 0x2f0b4c47) >>> 0) / 2 ** 32) * n)
}

const originals = [...files('vectors/valid').values(), ...files('vectors/invalid').values(), ...files('random').values()]

/** A place in a file: rarely within the magic and what follows, as damage there is noticed at once. */
function place(bytes) {
  const at = random(bytes.length)
  return at < 11 ? random(bytes.length) : at
}

const mutations = [
  (bytes) => (bytes[place(bytes)] ^= 1 << random(8), bytes),
  (bytes) => (bytes[place(bytes)] = random(256), bytes),
  (bytes) => (bytes[place(bytes)] = [0, 1, 127, 128, 255][random(5)], bytes),
  (bytes) => bytes.slice(0, random(bytes.length)),
  (bytes) => remove(bytes, place(bytes), 1 + random(4)),
  (bytes) => insert(bytes, place(bytes), Uint8Array.from({ length: 1 + random(4) }, () => random(256))),
  (bytes) => insert(bytes, place(bytes), piece(originals[random(originals.length)])),
  (bytes) => insert(bytes, place(bytes), piece(bytes)),
]

const remove = (bytes, at, n) => Uint8Array.of(...bytes.subarray(0, at), ...bytes.subarray(at + n))
const insert = (bytes, at, more) => Uint8Array.of(...bytes.subarray(0, at), ...more, ...bytes.subarray(at))

function piece(bytes) {
  const at = random(bytes.length)
  return bytes.subarray(at, at + random(30))
}

/** Corrects the checksums of the only tile, or of all tiles if they are where the head says. */
function fixed(bytes) {
  let tiles = 0
  try {
    tiles = inspect(bytes).tiles
  } catch {}
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  if (tiles <= 1) {
    if (bytes.length >= 4) view.setUint32(bytes.length - 4, crc32(bytes.subarray(0, -4)), true)
    return bytes
  }
  // The index ends where the sum of its lengths leads to the end of the file. Few mutations leave that true.
  for (let end = 20; end + 4 < bytes.length && tiles < 20; end++) {
    let sum = 0
    for (let i = 0; i < tiles && end >= 8 * tiles; i++) sum += view.getUint32(end - 8 * (tiles - i), true)
    if (end + 4 + sum !== bytes.length) continue
    let at = end + 4
    for (let i = 0; i < tiles; i++) {
      const entry = end - 8 * (tiles - i)
      const length = view.getUint32(entry, true)
      view.setUint32(entry + 4, crc32(bytes.subarray(at, at + length)), true)
      at += length
    }
    view.setUint32(end, crc32(bytes.subarray(0, end)), true)
    break
  }
  return bytes
}

const digest = createHash('sha256')

/** Whether an image could be one. */
function check(image) {
  const k = image.palette.length / image.channels
  const pictures = image.frames ? image.frames.map((frame) => frame.indices) : [image.indices]
  for (const indices of pictures) {
    if (indices.length !== image.width * image.height || indices.some((index) => index >= k)) throw new Error('a wrong image')
    digest.update(indices)
  }
}

/** Milliseconds of the processor. */
function cpu() {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

const outcomes = new Map()
let slowest = 0
for (let i = 0; i < total; i++) {
  let bytes = Uint8Array.from(originals[random(originals.length)])
  for (let n = 1 + random(3); n > 0 && bytes.length; n--) bytes = mutations[random(mutations.length)](bytes)
  if (random(4)) bytes = fixed(bytes)
  const start = cpu()
  let outcome = ''
  try {
    check(decode(bytes, { maxPixels: MAX_PIXELS }))
    outcome = inspect(bytes).animated ? 'animation' : 'image'
    if (i % 50 === 0) await toPNG(bytes)
  } catch (error) {
    if (!(error instanceof KpalError)) {
      console.error(`mutation ${i}:`, Buffer.from(bytes).toString('base64'))
      throw error
    }
    outcome = `rule ${error.rule}`
    digest.update(error.message)
  }
  // Some frames alone, perhaps of an animation that is damaged further on, or too large as a whole.
  try {
    const count = inspect(bytes).frames
    if (count > 1 && count * inspect(bytes).width * inspect(bytes).height < 1 << 19) {
      check(decodeFrame(bytes, random(count), { maxPixels: MAX_PIXELS }))
      for (const frame of frames(bytes, { maxPixels: MAX_PIXELS })) check(frame)
    }
  } catch (error) {
    if (!(error instanceof KpalError)) {
      console.error(`mutation ${i}:`, Buffer.from(bytes).toString('base64'))
      throw error
    }
  }
  slowest = Math.max(slowest, cpu() - start)
  outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
}
console.log(Object.fromEntries([...outcomes].sort()))
console.log(`${total} mutations, the slowest took ${slowest.toFixed()} ms; digest ${digest.digest('hex').slice(0, 16)}`)
if (slowest > MAX_SECONDS * 1000) throw new Error('too slow')
