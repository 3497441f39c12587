/** The service worker, and the demo page, in real browsers. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { pathToFileURL } from 'node:url'
import { after, before, describe, test } from 'node:test'
import { PNG } from 'pngjs'
import { make } from '../build.js'
import { animation, damagedKpal, makeKpal } from './browser/kpal-files.js'
import { launch, missing, NAMES, pixelsOf, ROOT, screenshot, Server, until } from './browser/harness.js'

const FAVICON = '<!doctype html><meta charset=utf-8><link rel=icon href="data:,">'
const W = 24
const H = 16

for (const name of NAMES) {
  describe(`service worker and demo in ${name}`, { skip: missing(name), timeout: 80000 }, () => {
    const server = new Server()
    /** @type {Awaited<ReturnType<typeof launch>>} */
    let launched
    before(async () => {
      await server.start()
      server.add('/kpal-service-worker.js', (await make())['dist/service-worker.js'])
      server.add('/module/sw.js', "import '/package/src/service-worker.js'", { type: 'text/javascript' })
      server.add(
        '/own/sw.js',
        `import { convertResponse } from '/package/src/response.js'
        addEventListener('activate', (event) => event.waitUntil(clients.claim()))
        addEventListener('fetch', (event) => event.respondWith(fetch(event.request).then(convertResponse)))`,
        { type: 'text/javascript' },
      )
      launched = await launch(name)
    })
    after(async () => {
      await launched?.close()
      server.stop()
    })

    /**
     * A page that a service worker controls.
     * @param {string} path
     * @param {string} script
     * @param {string} [options]
     */
    async function controlled(path, script, options = '{}') {
      const page = await launched.browser.newPage()
      await page.setViewport({ width: 700, height: 500 })
      page.on('pageerror', (error) => console.error(`${name}: ${error}`))
      server.add(`${path}empty.html`, FAVICON, { type: 'text/html' })
      await page.goto(`${server.origin}${path}empty.html`)
      await page.evaluate(`navigator.serviceWorker.register('${script}', ${options}).then(() => navigator.serviceWorker.ready)`)
      assert.ok(await until(() => page.evaluate('navigator.serviceWorker.controller !== null')))
      return page
    }

    test('shows all images, and leaves all else alone', async () => {
      const contexts = [
        '<img src="URL">',
        '<img src="/sw/no-name-N">',
        '<img srcset="URL 1x">',
        `<div style="width:${W}px;height:${H}px;background:url(URL)"></div>`,
        `<svg width=${W} height=${H}><image href="URL" width=${W} height=${H} /></svg>`,
        '<picture><source srcset="URL"><img></picture>',
        '<img src="OTHER">',
      ]
      const bytes = contexts.map((_, n) => makeKpal(7000 + n))
      const all = contexts.map((html, n) => {
        for (const path of [`/sw/${n}.kpal`, `/sw/no-name-${n}`]) server.add(path, bytes[n])
        const text = html.replaceAll('URL', `/sw/${n}.kpal`).replace('N', String(n)).replace('OTHER', `${server.other}/sw/${n}.kpal`)
        return `<div style="position:absolute;line-height:0;left:${10 + n * 50}px;top:10px">${text}</div>`
      })
      const png = PNG.sync.write(new PNG({ width: 3, height: 2, fill: true }))
      server.add('/sw/real.png', png)
      server.add('/sw/damaged.kpal', damagedKpal())
      server.add('/sw/page.html', `${FAVICON}${all.join('\n')}<img id=real src="/sw/real.png"><img id=damaged src="/sw/damaged.kpal">`, { type: 'text/html' })
      const page = await controlled('/sw/', '/kpal-service-worker.js', "{ scope: '/' }")
      await page.goto(`${server.origin}/sw/page.html`)
      /** @type {number[]} */
      let wrong = []
      await until(async () => {
        const shot = await screenshot(page)
        wrong = contexts.map((_, n) => n).filter((n) => !pixelsOf(bytes[n]).data.equals(shot(10 + n * 50, 10, W, H)))
        return wrong.length === 0
      }, 8000)
      console.log(`${name}: service worker: ${contexts.length - wrong.length} of ${contexts.length} contexts`)
      assert.deepEqual(wrong, [])
      assert.deepEqual(await page.evaluate('[real.naturalWidth, damaged.complete, damaged.naturalWidth]'), [3, true, 0])
      // Scripts get the file itself.
      assert.equal(await page.evaluate(`fetch('/sw/0.kpal').then(r => r.arrayBuffer()).then(b => new Uint8Array(b)[0])`), 0x8b)
      // A link to a file shows the picture.
      await page.goto(`${server.origin}/sw/0.kpal`)
      assert.equal(await page.evaluate('document.images[0]?.naturalWidth'), W)
      await page.close()
    })

    test('headers are those of the PNG file', async () => {
      const bytes = makeKpal(7100, { channels: 4 })
      server.add('/own/a', bytes, {
        type: 'application/octet-stream',
        headers: { ETag: '"abc"', 'Cache-Control': 'max-age=77', 'Last-Modified': 'Tue, 03 Nov 2026 10:00:00 GMT', 'X-Other': 'kept' },
      })
      server.add('/own/b.txt', 'x'.repeat(300000), { type: 'text/plain' })
      const page = await controlled('/own/', '/own/sw.js', "{ type: 'module' }").catch(() => null)
      if (!page) return console.log(`${name}: no service workers that are modules`)
      const answer = /** @type {any} */ (
        await page.evaluate(`fetch('/own/a').then(async r => ({ headers: Object.fromEntries(r.headers),
          bytes: btoa(String.fromCharCode(...new Uint8Array(await r.arrayBuffer()))) }))`)
      )
      const png = Buffer.from(answer.bytes, 'base64')
      assert.ok(PNG.sync.read(png).data.equals(pixelsOf(bytes).data))
      const { headers } = answer
      assert.equal(headers['content-type'], 'image/png')
      assert.equal(headers['content-length'], String(png.length))
      assert.equal(headers['etag'], '"abc-kpal-png"')
      assert.equal(headers['cache-control'], 'max-age=77')
      assert.equal(headers['x-other'], 'kept')
      assert.equal(headers['last-modified'], 'Tue, 03 Nov 2026 10:00:00 GMT')
      const other = await page.evaluate(`fetch('/own/b.txt').then(async r => [r.url.slice(-10), r.type, (await r.text()).length])`)
      assert.deepEqual(other, ['/own/b.txt', 'basic', 300000])
      await page.close()
    })

    test('the demo page works from a folder', async () => {
      const folder = mkdtempSync(`${tmpdir()}/kpal-demo-`)
      writeFileSync(`${folder}/index.html`, readFileSync(`${ROOT}/demo/index.html`))
      const bytes = makeKpal(7200, { width: 60, height: 40 })
      writeFileSync(`${folder}/icon.kpal`, bytes)
      const page = await launched.browser.newPage()
      await page.setViewport({ width: 1000, height: 700 })
      page.on('pageerror', (error) => console.error(`${name}: ${error}`))
      await page.goto(pathToFileURL(`${folder}/index.html`).href)
      const input = /** @type {import('puppeteer-core').ElementHandle<HTMLInputElement>} */ (await page.$('#file'))
      await input.uploadFile(`${folder}/icon.kpal`)
      await checkDemo(page, bytes, 'icon.kpal')
      // Dropped, an animation, if there is one, and then something else.
      const moving = animation()
      const drop = (/** @type {Uint8Array} */ content, /** @type {string} */ title) =>
        page.evaluate(`{ const t = new DataTransfer(); t.items.add(new File([new Uint8Array([${[...content]}])], '${title}'))
          document.body.dispatchEvent(new DragEvent('drop', { dataTransfer: t, bubbles: true, cancelable: true })) }`)
      if (moving) {
        await drop(moving, 'moving.kpal')
        assert.ok(await until(() => page.evaluate(`document.querySelector('#facts').textContent.includes('Frames')`)))
        assert.ok(await until(() => page.evaluate(`document.querySelector('#frame').value !== '0'`)))
      }
      await drop(Buffer.from('nothing of the sort'), 'text.kpal')
      assert.ok(await until(() => page.evaluate(`document.querySelector('#message.error')?.textContent.includes('not a KPAL file')`)))
      await page.close()
    })

    test('the demo page works from a server, with addresses', async () => {
      const bytes = makeKpal(7300, { width: 50, height: 30, channels: 4 })
      server.add('/demo.kpal', bytes)
      const page = await launched.browser.newPage()
      await page.goto(`${server.origin}/package/demo/index.html?url=/demo.kpal`)
      await checkDemo(page, bytes, 'demo.kpal')
      await page.close()
    })

    /**
     * @param {import('puppeteer-core').Page} page
     * @param {Uint8Array} bytes
     * @param {string} title
     */
    async function checkDemo(page, bytes, title) {
      assert.ok(await until(() => page.evaluate(`!document.querySelector('#save').disabled`)))
      const { width, height, data } = pixelsOf(bytes)
      const facts = /** @type {string} */ (await page.evaluate(`document.querySelector('#facts').textContent`))
      assert.match(facts, new RegExp(`${title}.*${width} × ${height}.*zstd`, 's'))
      assert.equal(await page.evaluate(`document.querySelectorAll('#palette button').length`), 16)
      if (data.every((value, i) => i % 4 !== 3 || value === 255)) {
        const canvas = `[...document.querySelector('canvas').getContext('2d').getImageData(0, 0, ${width}, ${height}).data]`
        assert.deepEqual(await page.evaluate(canvas), [...data])
      }
      // What would be saved.
      const saved = /** @type {string} */ (
        await page.evaluate(`new Promise((resolve) => {
          HTMLAnchorElement.prototype.click = function () {
            const reader = new FileReader()
            reader.onload = () => resolve(this.download + ' ' + reader.result)
            fetch(this.href).then((r) => r.blob()).then((b) => reader.readAsDataURL(b), (e) => resolve(String(e)))
          }
          document.querySelector('#save').click()
        })`)
      )
      assert.ok(saved.startsWith(`${title.replace('.kpal', '.png')} data:image/png;base64,`), saved.slice(0, 60))
      assert.ok(PNG.sync.read(Buffer.from(saved.replace(/.*,/, ''), 'base64')).data.equals(data))
    }
  })
}

test('the demo page is built from what is there', async () => {
  assert.equal(readFileSync(`${ROOT}/demo/index.html`, 'utf-8'), (await make())['demo/index.html'], 'npm run build')
})
