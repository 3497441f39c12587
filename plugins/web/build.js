/**
 * Makes what cannot be modules: scripts for `<script src>` and `importScripts`, the demo page, which opens from a folder,
 * and the decoder of the page of `kpal compare --html`.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const path = (/** @type {string} */ name) => fileURLToPath(new URL(name, import.meta.url))

/**
 * @param {string} contents
 * @param {Partial<import('esbuild').BuildOptions>} [options]
 */
async function bundle(contents, options) {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: path('.') },
    bundle: true,
    minify: true,
    format: 'iife',
    target: 'es2022',
    write: false,
    logOverride: { 'empty-import-meta': 'silent' },
    ...options,
  })
  return outputFiles[0].text
}

/** @param {string} script */
const withinHtml = (script) => script.replaceAll('</script', '<\\/script')

/** The files by their names. */
export async function make() {
  // Only workers evaluate the decoder, or the page if it must do without.
  const auto = await bundle("export * from './src/auto.js'; if (typeof document === 'undefined') import('./src/auto/worker.js')", {
    globalName: 'kpalAuto',
    define: { KPAL_CLASSIC: 'true' },
  })
  const serviceWorker = await bundle("export * from './src/service-worker.js'", { globalName: 'kpalServiceWorker' })
  const demoWorker = await bundle("import './demo/worker.js'")
  const demo = await bundle("import './demo/demo.js'", { define: { KPAL_WORKER: JSON.stringify(demoWorker) } })
  const report = await bundle("import './report/worker.js'")
  const page = readFileSync(path('demo/template.html'), 'utf-8')
  return {
    'dist/auto.js': auto,
    'dist/service-worker.js': serviceWorker,
    'demo/index.html': page.replace('/* SCRIPT */', () => withinHtml(demo)),
    '../../kpal/comparison/page/decoder.js': withinHtml(report),
  }
}

if (process.argv[1] === path('build.js')) {
  mkdirSync(path('dist'), { recursive: true })
  for (const [name, text] of Object.entries(await make())) {
    writeFileSync(path(name), text)
    console.log(`${name}: ${text.length} bytes`)
  }
}
