/**
 * The files of the tests: `vectors` of the repository, and `random`, which its encoder makes
 * (`python -m tests.plugins.random_files FOLDER`), in the folder KPAL_RANDOM_FILES if that is set.
 */
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const folders = new Map([
  ['vectors', fileURLToPath(new URL('../../../formats/vectors', import.meta.url))],
  ['random', process.env.KPAL_RANDOM_FILES ?? ''],
])

/** @param {string} path */
function place(path) {
  const [folder, ...rest] = path.split('/')
  return [folders.get(folder), ...rest].join('/')
}

/**
 * The files of a folder by their names, or none if there is no such folder.
 * @param {string} folder
 * @returns {Map<string, Buffer>}
 */
export function files(folder) {
  const path = place(folder)
  const names = existsSync(path) ? readdirSync(path).filter((name) => name.endsWith('.kpal')) : []
  return new Map(names.sort().map((name) => [name, readFileSync(`${path}/${name}`)]))
}

/** @param {string} path */
export function json(path) {
  return existsSync(place(path)) ? JSON.parse(readFileSync(place(path), 'utf-8')) : {}
}

/** @param {Uint8Array} bytes */
export function sha256(bytes) {
  return createHash('sha256').update(bytes).digest('hex')
}

/**
 * The chunks of a PNG file: [type, content].
 * @param {Uint8Array} png
 * @returns {[string, Buffer][]}
 */
export function chunks(png) {
  /** @type {[string, Buffer][]} */
  const out = []
  const buffer = Buffer.from(png)
  for (let at = 8; at < buffer.length; ) {
    const length = buffer.readUInt32BE(at)
    out.push([buffer.toString('latin1', at + 4, at + 8), buffer.subarray(at + 8, at + 8 + length)])
    at += 12 + length
  }
  return out
}
