/**
 * Makes what the sources are not: the WebAssembly of the mixer, scripts for `<script src>` and `importScripts`, the demo
 * page, which opens from a folder, and the decoder of the page of `kpal compare --html`.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import asc from 'assemblyscript/asc'
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

/** The module that holds the WebAssembly. All others are made with it. */
export async function makeKernel() {
  /** @type {Uint8Array | undefined} */
  let code
  const { error, stderr } = await asc.main(
    ['mixer.ts', '-o', 'mixer.wasm', '-O3', '--converge', '--runtime', 'stub', '--initialMemory', '1', '--enable', 'simd'],
    {
      readFile: (name) => (name === 'mixer.ts' ? readFileSync(path('kernel/mixer.ts'), 'utf-8') : null),
      writeFile: (_name, contents) => void (code = /** @type {Uint8Array} */ (contents)),
      listFiles: () => [],
    },
  )
  if (error || !code) throw new Error(stderr.toString())
  const hex = Buffer.from(code).toString('hex')
  return `/**
 * Made from kernel/mixer.ts by \`npm run build\`. Compressed, hexadecimal digits take less than base64.
 * @type {string}
 */
export const CODE = \`
${hex.replace(/.{1,120}/g, '$&\n')}\`
`
}

/** The other files by their names. */
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
  writeFileSync(path('src/mixing/kernel-code.js'), await makeKernel())
  for (const [name, text] of Object.entries(await make())) {
    writeFileSync(path(name), text)
    console.log(`${name}: ${text.length} bytes`)
  }
}
