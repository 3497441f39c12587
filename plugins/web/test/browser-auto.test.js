/** Every way in which a page can show an image, in real browsers: the pixels on the screen are those of the file. */
import assert from 'node:assert/strict'
import { files } from './files.js'
import { make } from '../build.js'
import { after, before, describe, test } from 'node:test'
import { PNG } from 'pngjs'
import { decode, toRGBA } from '../src/index.js'
import { animation, damagedKpal, makeKpal, VERSION } from './browser/kpal-files.js'
import { dataUrl, launch, missing, NAMES, pixelsOf, screenshot, Server, until } from './browser/harness.js'

const W = 24
const H = 16
const box = `width:${W}px;height:${H}px`

/**
 * A context: `html` that is in the page from the beginning, or a `script` that runs later, with `host`, an empty element;
 * URL stands for the address of the image and DATA for a data: URL of it.
 * @type {Record<string, { html?: string, css?: string, script?: string, path?: string }>}
 */
const CONTEXTS = {
  'img': { html: '<img src="URL">' },
  'img with width and height': { html: `<img src="URL" width=${W} height=${H} alt="text">` },
  'img named .png': { html: '<img src="URL">', path: '/as-png-N.png' },
  'img without a name': { html: '<img src="URL">', path: '/image?id=N' },
  'img of data:': { html: '<img src="DATA">' },
  'img of data: of another type': { html: '<img src="PNGDATA">' },
  'img crossorigin': { html: '<img crossorigin src="URL">' },
  'img of another origin': { html: '<img src="OTHERURL">' },
  'img loading=lazy': { html: '<img loading=lazy src="URL">' },
  'srcset 1x': { html: '<img srcset="URL 1x, /none.png 2x">' },
  'srcset w': { html: `<img srcset="URL ${W}w, /none.png 500w" sizes="${W}px">` },
  'srcset of data:': { html: '<img srcset="DATA 1x, /none.png 2x">' },
  'src and srcset 2x': { html: '<img src="URL" srcset="/none.png 2x">' },
  'picture, source of the type': { html: '<picture><source type="image/x-kpal" srcset="URL"><img src="/none.png"></picture>' },
  'picture, source without a type': { html: '<picture><source srcset="URL"><img src="/none.png"></picture>' },
  'picture, media': { html: '<picture><source media="(min-width: 1px)" srcset="URL"><img src="/none.png"></picture>' },
  'picture, its img': { html: '<picture><source media="(min-width: 99999px)" srcset="/none.png"><img src="URL"></picture>' },
  'background in a style sheet': { html: `<div class=cN style="${box}"></div>`, css: '.cN { background-image: url(URL) }' },
  'background shorthand': { html: `<div class=cN style="${box}"></div>`, css: '.cN { background: #fff url("URL") no-repeat }' },
  'background with a variable': { html: `<div class=cN style="${box}"></div>`, css: `:root { --nN: url('URL') } .cN { background: var(--nN) }` },
  'background, @media': { html: `<div class=cN style="${box}"></div>`, css: '@media screen { .cN { background: url(URL) } }' },
  'background, nested, @layer': { html: `<div class=cN><p style="${box};margin:0"></div>`, css: '@layer a { .cN { & p { background: url(URL) } } }' },
  'background, image-set': { html: `<div class=cN style="${box}"></div>`, css: '.cN { background-image: image-set(url(URL) 1x) }' },
  'background of data:': { html: `<div class=cN style="${box}"></div>`, css: '.cN { background: url(DATA) }' },
  'background without a name': { html: `<div class=cN style="${box}"></div>`, css: '.cN { background: url(URL) }', path: '/image?id=N' },
  'background named .png': { html: `<div class=cN style="${box}"></div>`, css: '.cN { background: url(URL) }', path: '/as-png-N.png' },
  'background in style': { html: `<div style="${box};background:url(URL)"></div>` },
  'background of ::before': { html: '<div class=cN></div>', css: `.cN::before { content: ''; display: block; ${box}; background: url(URL) }` },
  'content of ::before': { html: '<div class=cN></div>', css: '.cN::before { content: url(URL); display: block; line-height: 0 }' },
  'content': { html: '<div class=cN></div>', css: '.cN { content: url(URL); }' },
  'border-image': { html: `<div class=cN style="${box};box-sizing:border-box"></div>`, css: `.cN { border: 8px solid; border-image: url(URL) 8 fill stretch }` },
  'mask-image': { html: `<div style="${box};background:url(URL);-webkit-mask-image:url(URL);mask-image:url(URL)"></div>` },
  'list-style-image': { html: '<ul class=cN style="margin:0;padding:0"><li style="line-height:0">', css: '.cN { list-style: inside url(URL) }' },
  'SVG image, href': { html: `<svg width=${W} height=${H}><image href="URL" width=${W} height=${H} /></svg>` },
  'SVG image, xlink:href': { html: `<svg width=${W} height=${H}><image xlink:href="URL" width=${W} height=${H} /></svg>` },
  'SVG image without a name': { html: `<svg width=${W} height=${H}><image href="URL" width=${W} height=${H} /></svg>`, path: '/image?id=N' },
  'SVG pattern': { html: `<svg width=${W} height=${H}><pattern id=pN width=1 height=1><image href="URL" width=${W} height=${H} /></pattern><rect width=${W} height=${H} fill="url(#pN)" /></svg>` },
  'input type=image': { html: `<input type=image src="URL" style="${box}">` },
  'declarative shadow root': { html: '<div style="line-height:0"><template shadowrootmode=open><img src="URL"></template></div>' },
  'new Image()': { script: 'const i = new Image(); i.src = "URL"; host.append(i)' },
  'new Image(), added once loaded': { script: 'const i = new Image(); i.onload = () => host.append(i); i.src = "URL"' },
  'new Image(), setAttribute': { script: 'const i = new Image(); i.onload = () => host.append(i); i.setAttribute("src", "URL")' },
  'new Image(), decode()': { script: 'const i = new Image(); i.src = "URL"; i.decode().then(() => host.append(i))' },
  'new Image(), srcset': { script: 'const i = new Image(); i.onload = () => host.append(i); i.srcset = "URL"' },
  'new Image(), without a name': { script: 'const i = new Image(); i.onload = () => host.append(i); i.src = "URL"', path: '/image?id=N' },
  'new Image() to a canvas': {
    script: `const i = new Image(); i.src = "URL"; i.onload = () => {
      const c = document.createElement('canvas'); c.width = i.naturalWidth; c.height = i.naturalHeight
      c.getContext('2d').drawImage(i, 0, 0); host.append(c) }`,
  },
  'innerHTML': { script: `host.innerHTML = '<img src="URL">'` },
  'insertAdjacentHTML of a picture': { script: `host.insertAdjacentHTML('beforeend', '<picture><source type="image/x-kpal" srcset="URL"><img src="/none.png"></picture>')` },
  'src changed from a PNG': { script: `host.innerHTML = '<img src="/white.png">'; host.firstChild.onload = () => { host.firstChild.onload = null; host.firstChild.src = 'URL' }` },
  'src changed from a KPAL': { script: `host.innerHTML = '<img src="/first.kpal">'; host.firstChild.onload = () => { host.firstChild.onload = null; host.firstChild.src = 'URL' }` },
  'setAttribute from a KPAL': { script: `host.innerHTML = '<img src="/first.kpal">'; host.firstChild.onload = () => { host.firstChild.onload = null; host.firstChild.setAttribute('src', 'URL') }` },
  'setAttributeNode from a KPAL': { script: `host.innerHTML = '<img src="/first.kpal">'; host.firstChild.onload = () => { host.firstChild.onload = null; const a = document.createAttribute('src'); a.value = 'URL'; host.firstChild.setAttributeNode(a) }` },
  'srcset changed': { script: `host.innerHTML = '<img srcset="/first.kpal 1x">'; host.firstChild.onload = () => { host.firstChild.onload = null; host.firstChild.srcset = 'URL 1x' }` },
  'source changed': { script: `host.innerHTML = '<picture><source srcset="/first.kpal"><img></picture>'; const i = host.querySelector('img'); i.onload = () => { i.onload = null; host.querySelector('source').srcset = 'URL' }` },
  'clone of an img': { script: `host.innerHTML = '<img src="URL">'; const i = host.firstChild; i.onload = () => { i.onload = null; i.replaceWith(i.cloneNode()) }` },
  'Blob URL': { script: `host.innerHTML = '<img>'; host.firstChild.src = URL.createObjectURL(BLOB)` },
  'Blob URL, revoked on load': { script: `host.innerHTML = '<img>'; const i = host.firstChild; i.onload = () => URL.revokeObjectURL(i.src); i.src = URL.createObjectURL(BLOB)` },
  'Blob URL, revoked at once': { script: `host.innerHTML = '<img>'; const i = host.firstChild; i.src = URL.createObjectURL(BLOB); URL.revokeObjectURL(i.src)` },
  'background of a Blob URL': { script: `host.innerHTML = '<div>'; host.firstChild.style.cssText = '${box};background:url(' + URL.createObjectURL(BLOB) + ')'` },
  'FileReader': { script: `const r = new FileReader(); r.onload = () => { host.innerHTML = '<img>'; host.firstChild.src = r.result }; r.readAsDataURL(BLOB)` },
  'input type=file': {
    script: `const f = document.createElement('input'); f.type = 'file'
      f.onchange = () => { const i = new Image(); i.src = URL.createObjectURL(f.files[0]); host.replaceChildren(i) }
      const t = new DataTransfer(); t.items.add(new File([BLOB], 'a.kpal')); f.files = t.files; f.dispatchEvent(new Event('change'))`,
  },
  'style.background': { script: `host.innerHTML = '<div style="${box}">'; host.firstChild.style.background = 'url(URL)'` },
  'style.background, changed': { script: `host.innerHTML = '<div style="${box};background:url(/first.kpal)">'; setTimeout(() => host.firstChild.style.backgroundImage = 'url(URL)', 300)` },
  'style element, added': { script: `host.innerHTML = '<style>#hN { ${box}; background: url(URL) }</style><div id=hN>'` },
  'insertRule': { script: `host.innerHTML = '<div id=hN>'; document.styleSheets[0].insertRule('#hN { ${box}; background: url(URL) }')` },
  'adoptedStyleSheets': { script: `host.innerHTML = '<div id=hN>'; const s = new CSSStyleSheet(); s.replaceSync('#hN { ${box}; background: url(URL) }'); document.adoptedStyleSheets.push(s)` },
  'class changed': { html: `<div style="${box}"></div>`, css: '.lN { background: url(URL) }', script: `document.querySelector('#N div').className = 'lN'` },
  'shadow root': { script: `host.attachShadow({ mode: 'open' }).innerHTML = '<img src="URL">'` },
  'closed shadow root': { script: `host.attachShadow({ mode: 'closed' }).innerHTML = '<img src="URL">'` },
  'style in a shadow root': { script: `host.attachShadow({ mode: 'open' }).innerHTML = '<style>div { ${box}; background: url(URL) }</style><div></div>'` },
  'SVG image, added': { script: `host.innerHTML = '<svg width=${W} height=${H}><image href="URL" width=${W} height=${H} /></svg>'` },
  'SVG image, changed': {
    script: `host.innerHTML = '<svg width=${W} height=${H}><image href="/first.kpal" width=${W} height=${H} /></svg>'
      setTimeout(() => host.querySelector('image').setAttribute('href', 'URL'), 300)`,
  },
  'template, cloned': { script: `const t = document.createElement('template'); t.innerHTML = '<img src="URL">'; host.append(t.content.cloneNode(true))` },
}

/**
 * @param {Server} server
 * @param {string} path
 * @param {string} script the tag that loads the package
 */
function addPage(server, path, script) {
  const contexts = Object.entries(CONTEXTS).map(([name, context], n) => {
    const bytes = makeKpal(n)
    const url = (context.path ?? '/image-N.kpal').replace('N', String(n))
    server.add(url, bytes, { headers: { 'Access-Control-Allow-Origin': '*', 'Cache-Control': 'max-age=600' }, type: 'image/x-kpal' })
    const replace = (text = '') =>
      text
        .replaceAll('OTHERURL', server.other + url)
        .replace(/\bURL\b(?!\.)/g, url)
        .replaceAll('PNGDATA', dataUrl(bytes, 'image/png'))
        .replaceAll('DATA', dataUrl(bytes))
        .replaceAll('BLOB', `new Blob([Uint8Array.from(atob('${Buffer.from(bytes).toString('base64')}'), c => c.charCodeAt(0))])`)
        .replace(/\b([chlnp]?)N\b/g, `$1${n}`)
        .replaceAll('#N', `#x${n}`)
        .replace(/#(\d+) div/g, '#x$1 div')
    const { html, css, script } = { html: replace(context.html), css: replace(context.css), script: replace(context.script) }
    const [x, y] = [(n % 10) * 60 + 4, Math.floor(n / 10) * 40 + 4]
    return { name, bytes, url, html, css, script, x, y }
  })
  const body = contexts.map(({ html, x, y }, n) => `<div class=x id=x${n} style="left:${x}px;top:${y}px">${html}</div>`).join('\n')
  const scripts = contexts.map(({ script }, n) => script && `{ const host = document.querySelector('#x${n}'); ${script} }`).join('\n')
  const css = contexts.map(({ css }) => css).join('\n')
  server.add(`${path}.css`, css)
  server.add(
    path,
    `<!doctype html><meta charset=utf-8><link rel=icon href="data:,">${script}<link rel=stylesheet href="${path}.css">
    <style>html { background: #fff } .x { position: absolute; line-height: 0; width: 50px; height: 36px }</style>
    <body>${body}<script>later = () => { ${scripts} }</script>`,
    { type: 'text/html' },
  )
  return contexts
}

for (const name of NAMES) {
  describe(`auto in ${name}`, { skip: missing(name), timeout: 110000 }, () => {
    const server = new Server()
    /** @type {Awaited<ReturnType<typeof launch>>} */
    let launched
    before(async () => {
      await server.start()
      server.add('/auto-classic.js', (await make())['dist/auto.js'], { headers: { 'Access-Control-Allow-Origin': '*' } })
      server.add('/first.kpal', makeKpal(5000))
      server.add('/damaged.kpal', damagedKpal())
      server.add('/white.png', PNG.sync.write(new PNG({ width: W, height: H, fill: true })))
      launched = await launch(name)
    })
    after(async () => {
      await launched?.close()
      server.stop()
    })

    /** @param {string} path */
    async function open(path) {
      const page = await launched.browser.newPage()
      await page.setViewport({ width: 700, height: 500 })
      page.on('pageerror', (error) => console.error(`${name}: ${error}`))
      if (process.env.KPAL_CONSOLE) page.on('console', (message) => console.error(`${name}: ${message.text()}`))
      await page.goto(server.origin + path)
      return page
    }

    test('shows images in all contexts', async () => {
      const contexts = addPage(server, '/contexts.html', '<script type=module async src="/package/src/auto.js"></script>')
      const page = await open('/contexts.html')
      await page.evaluate('later()')
      /** @type {string[]} */
      let wrong = []
      await until(async () => {
        const shot = await screenshot(page)
        wrong = contexts.filter(({ bytes, x, y }) => !pixelsOf(bytes).data.equals(shot(x, y, W, H))).map(({ name }) => name)
        return wrong.length === 0
      }, 12000)
      if (process.env.KPAL_SCREENSHOT) await page.screenshot({ path: `${process.env.KPAL_SCREENSHOT}-${name}.png` })
      const twice = contexts.filter(({ url }) => server.count(url) > 2).map(({ name }) => name)
      console.log(`${name}: ${contexts.length - wrong.length} of ${contexts.length} contexts; more than two requests: ${twice}`)
      assert.deepEqual(wrong, [])
    })

    /** @param {import('puppeteer-core').Page} page @param {string} script */
    async function result(page, script, milliseconds = 10000) {
      await until(() => page.evaluate(`(${script}) !== undefined`), milliseconds)
      return page.evaluate(script)
    }

    const MODULE = '<script type=module async src="/package/src/auto.js"></script>'
    const CLASSIC = '<script src="/auto-classic.js"></script>'
    const COUNTING = `<script>counts = {}; count = (e) => (counts[e.target.id + ' ' + e.type] = (counts[e.target.id + ' ' + e.type] ?? 0) + 1)</script>`
    const FAVICON = '<!doctype html><meta charset=utf-8><link rel=icon href="data:,">'

    test('events, properties and addresses are those of any image', async () => {
      const bytes = makeKpal(6000, { channels: 4 })
      server.add('/soft.kpal', bytes, { delay: 200 })
      server.add('/gone.kpal', 'no', { status: 404 })
      server.add('/text.kpal', 'This is no picture, however it is called.')
      server.add('/cut.kpal', bytes.subarray(0, 12))
      server.add('/other', bytes, { headers: { 'Cache-Control': 'max-age=9' } })
      const ids = ['soft.kpal', 'damaged.kpal', 'gone.kpal', 'text.kpal', 'cut.kpal', 'gone.png', 'other', 'white.png']
      server.add(
        '/events.html',
        `${FAVICON}${COUNTING}${CLASSIC}${ids.map((id) => `<img id="${id}" src="/${id}" onload="count(event)" onerror="count(event)">`).join('\n')}
         <script>complete = []; soft = document.getElementById('soft.kpal')
         timer = setInterval(() => complete.push([soft.complete, soft.naturalWidth].join()), 20)
         decoded = {}
         for (const i of document.images) i.decode().then(() => decoded[i.id] = true, () => decoded[i.id] = false)
         late = new Image(); late.id = 'late'; late.addEventListener('load', count); late.addEventListener('error', count); late.src = '/damaged.kpal'
         </script>`,
        { type: 'text/html' },
      )
      const page = await open('/events.html')
      await until(() => page.evaluate(`Object.keys(counts).length >= ${ids.length + 1} && Object.keys(decoded).length >= ${ids.length}`))
      await new Promise((resolve) => setTimeout(resolve, 400))
      const good = ['soft.kpal', 'other', 'white.png']
      assert.deepEqual(
        await page.evaluate('counts'),
        Object.fromEntries([...ids, 'late'].map((id) => [`${id} ${good.includes(id) ? 'load' : 'error'}`, 1])),
      )
      assert.deepEqual(await page.evaluate('decoded'), Object.fromEntries(ids.map((id) => [id, good.includes(id)])))
      const states = /** @type {string[]} */ (await page.evaluate('clearInterval(timer), [...new Set(complete)]'))
      assert.deepEqual(states, ['false,0', `true,${W}`])
      assert.deepEqual(await page.evaluate('[soft.src, soft.getAttribute("src"), soft.srcset, soft.naturalHeight]'), [
        `${server.origin}/soft.kpal`,
        '/soft.kpal',
        '',
        H,
      ])
      assert.match(/** @type {string} */ (await page.evaluate('soft.currentSrc')), /^blob:/)
      // What the browser was given has exactly the alpha of the file, which a canvas would not tell.
      const base64 = await page.evaluate(`fetch(soft.currentSrc).then(r => r.arrayBuffer()).then(b => btoa(String.fromCharCode(...new Uint8Array(b))))`)
      assert.ok(PNG.sync.read(Buffer.from(/** @type {string} */ (base64), 'base64')).data.equals(pixelsOf(bytes).data))
      assert.equal(server.count('/soft.kpal'), 1)
      await page.close()
    })

    test('lazy images are fetched late, and nothing jumps', async () => {
      server.add('/slow.kpal', makeKpal(6100, { width: 200, height: 100 }), { delay: 300 })
      server.add('/far.kpal', makeKpal(6101))
      server.add('/hidden.kpal', makeKpal(6102))
      server.add(
        '/lazy.html',
        `${FAVICON}${CLASSIC}<style>.h { background: url(/hidden.kpal); display: none }</style><div class=h></div>
        <div><img id=slow src="/slow.kpal" width=100 height=50 alt="a long text that is longer than the picture would be wide"></div>
        <p id=below>below</p><div style="height:30000px"></div><img id=far loading=lazy src="/far.kpal" width=24 height=16>
        <script>tops = []; timer = setInterval(() => tops.push(below.getBoundingClientRect().top), 5)</script>`,
        { type: 'text/html' },
      )
      const page = await open('/lazy.html')
      await until(() => page.evaluate('slow.complete && slow.naturalWidth === 200'))
      const tops = /** @type {number[]} */ (await page.evaluate('clearInterval(timer), [...new Set(tops)]'))
      console.log(`${name}: places of what follows a picture: ${tops}`)
      assert.equal(server.count('/far.kpal'), 0)
      assert.equal(server.count('/hidden.kpal'), 0)
      await page.evaluate('far.scrollIntoView()')
      assert.ok(await until(() => page.evaluate('far.complete && far.naturalWidth === 24')))
      await page.close()
    })

    test('shows 200 icons soon after the last byte', async () => {
      const icons = [...files('random')].filter(([, bytes]) => bytes.length < 3000 && bytes[8] === VERSION).slice(0, 200).map(([, bytes]) => bytes)
      for (let i = icons.length; i < 200; i++) icons.push(Buffer.from(makeKpal(i)))
      const times = []
      for (const script of [MODULE, CLASSIC]) {
        const folder = `/icons-${times.length}`
        icons.forEach((bytes, i) => server.add(`${folder}/${i}.kpal`, bytes))
        server.add(
          `${folder}.html`,
          `${FAVICON}<script>shown = 0; last = 0; wrong = []; done = (e) => { if (e.type === 'error') wrong.push(e.target.src); shown++; last = Date.now() }</script>
          ${script}${icons.map((_, i) => `<img src="${folder}/${i}.kpal" onload="done(event)"${script === CLASSIC ? 'onerror="done(event)"' : ''}>`).join('')}`,
          { type: 'text/html' },
        )
        const page = await open(`${folder}.html`)
        assert.ok(await until(() => page.evaluate('shown >= 200')))
        const last = /** @type {number} */ (await page.evaluate('last'))
        assert.deepEqual(await page.evaluate('wrong'), [])
        const bytes = server.lastBytes(folder)
        times.push(last - bytes.last)
        console.log(`${name}: 200 icons shown ${last - bytes.last} ms after the last byte (which came ${bytes.last - bytes.first} ms after the first)`)
        if (process.env.KPAL_TRACE) console.log(JSON.stringify(await page.evaluate('window.trace')))
        await page.close()
        const once = icons.filter((_, i) => server.count(`${folder}/${i}.kpal`) === 1).length
        const most = Math.max(...icons.map((_, i) => server.count(`${folder}/${i}.kpal`)))
        console.log(`${name}: ${once} of 200 icons fetched once, the others ${most} times`)
        assert.ok(most <= 2) // Chromium gives up some requests once it sees that it does not know the format
      }
      // Other programs may have the processors, so the limit holds only where it is asked for.
      const most = Number(process.env.KPAL_ICONS_MS ?? Infinity)
      assert.ok(Math.min(...times) <= most, `${times} ms`)
    })

    test('plays animations', { skip: animation() ? false : 'no vectors' }, async () => {
      const bytes = /** @type {Buffer} */ (animation())
      const image = decode(bytes)
      const wanted = new Set((image.frames ?? []).map(({ indices }) => Buffer.from(toRGBA({ ...image, indices }).buffer).toString('hex')))
      assert.ok(wanted.size > 1)
      server.add('/moving.kpal', bytes)
      server.add(
        '/moving.html',
        `${FAVICON}${MODULE}<style>body { margin: 0; background: #fff } .x { position: absolute; top: 0 }</style><img class=x src="/moving.kpal">
         <div class=x style="left: 40px; width: ${image.width}px; height: ${image.height}px; background: url(/moving.kpal)"></div>`,
        { type: 'text/html' },
      )
      const page = await open('/moving.html')
      /** @type {Set<string>[]} */
      const seen = [new Set(), new Set()]
      await until(async () => {
        const shot = await screenshot(page)
        for (const i of [0, 1]) {
          const pixels = shot(40 * i, 0, image.width, image.height).toString('hex')
          if (wanted.has(pixels)) seen[i].add(pixels)
        }
        return seen.every(({ size }) => size > 1)
      }, 8000)
      console.log(`${name}: ${seen.map(({ size }) => size)} of ${wanted.size} frames seen`)
      assert.ok(seen.every(({ size }) => size > 1))
      await page.close()
    })

    test('memory of pictures that nothing shows is given back', async () => {
      server.add('/memory.html', `${FAVICON}${MODULE}<div id=host></div>`, { type: 'text/html' })
      const page = await open('/memory.html')
      const blob = await page.evaluate(`new Promise((resolve) => {
        const bytes = Uint8Array.from(atob('${Buffer.from(makeKpal(8000)).toString('base64')}'), (c) => c.charCodeAt(0))
        const image = new Image()
        image.onload = () => resolve(image.currentSrc)
        host.append(image)
        image.src = URL.createObjectURL(new Blob([bytes]))
      })`)
      const state = `fetch(${JSON.stringify(blob)}).then(() => 'there', () => 'revoked')`
      assert.equal(await page.evaluate(state), 'there')
      await page.evaluate('host.replaceChildren()')
      assert.ok(await until(async () => (await page.evaluate(state)) === 'revoked', 12000))
      await page.close()
    })

    test('stop() restores all, start() shows all again', async () => {
      const html = `<img id=a src="/first.kpal"><picture><source id=s type="image/x-kpal" srcset="/first.kpal 1x"><img id=b src="/white.png"></picture>
        <div id=c style="background: url(&quot;/first.kpal&quot;)">text</div><svg><image id=d href="/first.kpal"></image></svg><div class=e>text</div>`
      const css = '.e { background: url(/first.kpal) }'
      server.add(
        '/stop.html',
        `${FAVICON}<style>${css}</style><div id=all>${html}</div><script type=module>import { start, stop } from '/package/src/auto.js'; window.start = start; window.stop = stop</script>`,
        { type: 'text/html' },
      )
      const page = await open('/stop.html')
      const isBlob = `a.currentSrc.startsWith('blob:') && b.currentSrc.startsWith('blob:') && s.srcset.startsWith('blob:') && c.style.background.includes('blob:') &&
        d.getAttribute('href').startsWith('blob:') && document.styleSheets[0].cssRules[0].cssText.includes('blob:')`
      assert.ok(await until(() => page.evaluate(isBlob)))
      const blob = await page.evaluate('a.currentSrc')
      const native = await page.evaluate('stop(), [HTMLImageElement.prototype.hasOwnProperty("setAttribute"), Image.prototype.decode.toString().includes("native code"), URL.createObjectURL.toString().includes("native code")]')
      assert.deepEqual(native, [false, true, true])
      const restored = await page.evaluate(`[a, b, s, d].flatMap(e => ['src', 'srcset', 'type', 'href'].map(n => e.getAttribute(n))).filter(v => v !== null)`)
      assert.deepEqual(restored, ['/first.kpal', '/white.png', '/first.kpal 1x', 'image/x-kpal', '/first.kpal'])
      assert.doesNotMatch(/** @type {string} */ (await page.evaluate('c.style.cssText')), /blob:/)
      assert.doesNotMatch(/** @type {string} */ (await page.evaluate('document.styleSheets[0].cssRules[0].cssText')), /blob:/)
      assert.equal(await page.evaluate(`fetch(${JSON.stringify(blob)}).then(() => 'there', () => 'revoked')`), 'revoked')
      await page.evaluate('start()')
      assert.ok(await until(() => page.evaluate(isBlob)))
      await page.close()
    })

    test('works under a strict content security policy', async () => {
      const policies = {
        "default-src 'self'; img-src 'self' blob:": true,
        "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self'; img-src 'self' blob:": true,
        "default-src 'self'; worker-src 'none'; img-src 'self' blob:": true, // decodes in the page
        "default-src 'self'": false, // no blob: URLs
      }
      for (const [policy, shows] of Object.entries(policies)) {
        server.add('/csp.html', `${FAVICON}<script type=module src="/package/src/auto.js"></script><img src="/first.kpal">`, {
          type: 'text/html',
          headers: { 'Content-Security-Policy': policy, 'Cache-Control': 'no-store' },
        })
        const page = await open('/csp.html')
        const shown = await until(() => page.evaluate('document.images[0].complete && document.images[0].naturalWidth === 24'), shows ? 10000 : 1500)
        assert.equal(shown, shows, policy)
        if (!shows) assert.equal(await page.evaluate('document.images[0].complete'), true)
        await page.close()
      }
    })

    test('loads from another origin', async () => {
      server.add('/cdn.html', `${FAVICON}<script type=module crossorigin src="${server.other}/package/src/auto.js"></script><img src="/first.kpal">`, { type: 'text/html' })
      server.add('/cdn-classic.html', `${FAVICON}<script src="${server.other}/auto-classic.js"></script><img src="/first.kpal">`, { type: 'text/html' })
      for (const path of ['/cdn.html', '/cdn-classic.html']) {
        const page = await open(path)
        assert.ok(await until(() => page.evaluate('document.images[0].complete && document.images[0].naturalWidth === 24')), path)
        await page.close()
      }
    })
  })
}
