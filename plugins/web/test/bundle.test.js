import assert from 'node:assert/strict'
import { writeFileSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { files } from './files.js'

const MOST_BYTES = 33 * 1024

test('a minified bundle works, and is small', async () => {
  const entryPoints = [fileURLToPath(new URL('../src/index.js', import.meta.url))]
  const { outputFiles } = await build({ entryPoints, bundle: true, minify: true, format: 'esm', write: false })
  assert.ok(gzipSync(outputFiles[0].contents, { level: 9 }).length < MOST_BYTES)
  const path = `${mkdtempSync(`${tmpdir()}/kpal-bundle-`)}/kpal.mjs`
  writeFileSync(path, outputFiles[0].contents)
  const { decode } = await import(path)
  const bytes = files('vectors/valid').get('example.kpal')
  assert.deepEqual([...decode(bytes).indices], [0, 1])
})
