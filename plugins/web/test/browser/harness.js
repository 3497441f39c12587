/** Real browsers, and a web server for them. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { PNG } from 'pngjs'
import { decode, toRGBA } from '../../src/index.js'

export const ROOT = fileURLToPath(new URL('../..', import.meta.url))

const TYPES = { js: 'text/javascript', html: 'text/html; charset=utf-8', css: 'text/css', png: 'image/png', svg: 'image/svg+xml' }

/** @typedef {{ body: Uint8Array | string, type?: string, status?: number, headers?: Record<string, string>, delay?: number }} Answer */

/** A server of files by their paths, and below /package/ of this package; it counts requests. */
export class Server {
  constructor() {
    /** @type {Map<string, Answer>} */
    this.files = new Map()
    /** @type {string[]} */
    this.requests = []
    /** @type {[path: string, time: number][]} */
    this.sent = []
    this.server = createServer(async (request, response) => {
      const path = (request.url ?? '').replace(/[?#].*/, '')
      this.requests.push(request.url ?? '')
      const file = this.files.get(request.url ?? '') ?? this.files.get(path) ?? this.fromPackage(path)
      if (!file) return response.writeHead(404, { 'Content-Type': 'text/html' }).end('<p>There is no such file')
      const type = file.type ?? TYPES[/** @type {'js'} */ (path.split('.').pop())] ?? 'application/octet-stream'
      const headers = { 'Content-Type': type, 'Access-Control-Allow-Origin': '*', 'Cache-Control': 'max-age=600', ...file.headers }
      if (file.delay) await new Promise((resolve) => setTimeout(resolve, file.delay))
      response.on('finish', () => this.sent.push([path, Date.now()]))
      response.writeHead(file.status ?? 200, headers).end(file.body)
    })
  }

  /** @param {string} path */
  fromPackage(path) {
    const file = ROOT + path.replace(/^\/package\//, '')
    return path.startsWith('/package/') && existsSync(file) ? { body: readFileSync(file) } : undefined
  }

  /**
   * @param {string} path
   * @param {Uint8Array | string} body
   * @param {Partial<Answer>} [more]
   */
  add(path, body, more) {
    this.files.set(path, { body, ...more })
  }

  async start() {
    await new Promise((resolve) => this.server.listen(0, '127.0.0.1', () => resolve(undefined)))
    const { port } = /** @type {import('node:net').AddressInfo} */ (this.server.address())
    this.origin = `http://localhost:${port}`
    this.other = `http://127.0.0.1:${port}` // another origin
  }

  stop() {
    this.server.closeAllConnections()
    this.server.close()
  }

  /**
   * When the first and the last file of a folder was sent.
   * @param {string} folder
   */
  lastBytes(folder) {
    const times = this.sent.filter(([path]) => path.startsWith(`${folder}/`)).map(([, time]) => time)
    return { first: Math.min(...times), last: Math.max(...times) }
  }

  /** @param {string} path */
  count(path) {
    return this.requests.filter((request) => request === path).length
  }
}

const BROWSERS = {
  chromium: {
    paths: ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'],
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--force-color-profile=srgb'],
  },
  firefox: { paths: ['/usr/bin/firefox-esr', '/usr/bin/firefox'], args: [] },
}

/** @typedef {keyof typeof BROWSERS} BrowserName */
export const NAMES = /** @type {BrowserName[]} */ (Object.keys(BROWSERS))

/**
 * Why a browser cannot be tested, or false.
 * @param {BrowserName} name
 */
export function missing(name) {
  if (process.env.KPAL_BROWSERS === '0') return 'KPAL_BROWSERS=0'
  return BROWSERS[name].paths.some(existsSync) ? false : `${name} is not installed`
}

/** @param {BrowserName} name */
export async function launch(name) {
  const { launch } = await import('puppeteer-core')
  const profile = mkdtempSync(`${tmpdir()}/kpal-${name}-`)
  const browser = await launch({
    browser: name === 'firefox' ? 'firefox' : 'chrome',
    executablePath: BROWSERS[name].paths.find(existsSync),
    headless: true,
    args: BROWSERS[name].args,
    userDataDir: profile,
    timeout: 60000,
    networkEnabled: false, // pages load as for anybody, not reporting each request to this process
    protocolTimeout: 60000,
  })
  return {
    browser,
    async close() {
      await browser.close()
      rmSync(profile, { recursive: true, force: true })
    },
  }
}

/**
 * The pixels that a page shows at the place of an element.
 * @param {import('puppeteer-core').Page} page
 * @returns {Promise<(x: number, y: number, width: number, height: number) => Buffer>}
 */
export async function screenshot(page) {
  const png = PNG.sync.read(Buffer.from(await page.screenshot({ type: 'png', fullPage: false })))
  return (x, y, width, height) => {
    const out = Buffer.alloc(width * height * 4)
    for (let row = 0; row < height; row++) {
      const from = ((y + row) * png.width + x) * 4
      png.data.copy(out, row * width * 4, from, from + width * 4)
    }
    return out
  }
}

/** @param {Uint8Array} bytes */
export function pixelsOf(bytes) {
  const image = decode(bytes)
  return { width: image.width, height: image.height, data: Buffer.from(toRGBA(image).buffer) }
}

/** @param {Uint8Array} bytes */
export function dataUrl(bytes, type = 'image/x-kpal') {
  return `data:${type};base64,${Buffer.from(bytes).toString('base64')}`
}

/**
 * @param {() => Promise<boolean> | boolean} condition
 * @param {number} [milliseconds]
 */
export async function until(condition, milliseconds = 15000) {
  for (const end = Date.now() + milliseconds; Date.now() < end; ) {
    if (await condition()) return true
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return false
}
