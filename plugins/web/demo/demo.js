/** The demo page: opens a KPAL file, shows it and what is in it, and saves it as PNG. */
import { workerOf } from '../src/auto/workers.js'
import { toImageData } from '../src/index.js'

/** @typedef {import('../src/decode.js').Decoded} Decoded */
/** @typedef {{ image: Decoded, head: import('../src/container.js').Head, milliseconds: number, counts: Float64Array }} Opened */

const $ = (/** @type {string} */ id) => /** @type {any} */ (document.getElementById(id))
const canvas = /** @type {HTMLCanvasElement} */ ($('picture'))
const number = new Intl.NumberFormat('en')

/** @type {Worker | undefined} */
let worker
/** @type {Player | undefined} */
let player
/** @type {Opened | undefined} */
let opened
/** @type {Uint8Array | undefined} */
let png
let name = ''
let selected = -1

/**
 * @param {Uint8Array} bytes
 * @param {string} title
 */
function open(bytes, title) {
  worker?.terminate()
  player?.pause()
  document.body.dataset.state = 'busy'
  say(`Decoding ${title} …`)
  name = title
  png = undefined
  worker = workerOf(KPAL_WORKER, 'classic')
  worker.onmessage = ({ data }) => {
    if (data.error) fail(`${title}: ${data.error}`)
    else if (data.png) showPng(data.png, bytes.length)
    else show(data, bytes.length)
  }
  worker.onerror = () => fail(`${title} could not be decoded`)
  worker.postMessage(bytes)
}

/** @param {string} message */
function fail(message) {
  document.body.dataset.state = opened ? 'shown' : 'empty'
  say(message, true)
}

/** @param {string} message */
function say(message, error = false) {
  $('message').textContent = message
  $('message').classList.toggle('error', error)
}

/**
 * @param {Opened} data
 * @param {number} size
 */
function show(data, size) {
  opened = data
  selected = -1
  const { image, head, milliseconds, counts } = data
  document.body.dataset.state = 'shown'
  document.title = `${name} – kpal`
  say('')
  canvas.width = image.width
  canvas.height = image.height
  canvas.setAttribute('aria-label', `The picture ${name}`)
  fit()
  const frames = image.frames?.length ?? 1
  const pixels = image.width * image.height * frames
  facts([
    ['File', name],
    ['Size', `${number.format(image.width)} × ${number.format(image.height)}`],
    ...(image.frames ? [['Frames', framesText(image)]] : []),
    ['Colours', `${head.colors}${head.channels === 4 ? ', with alpha' : ''}`],
    ['Bytes', `${number.format(size)} (${((size * 8) / pixels).toFixed(3)} bits a pixel)`],
    ['As PNG', '…', 'png-size'],
    ['Coder', `${head.coder}, version ${head.version}${head.tiles > 1 ? `, ${head.tiles} tiles` : ''}`],
    ['Decoded in', `${milliseconds.toFixed(milliseconds < 10 ? 1 : 0)} ms`],
    ...metadataFacts(image.metadata),
  ])
  showPalette(image, counts, pixels)
  $('save').disabled = true
  player = new Player(image)
}

/** @param {any} image */
function framesText({ frames, loop }) {
  const seconds = frames.reduce((/** @type {number} */ sum, /** @type {any} */ f) => sum + f.milliseconds, 0) / 1000
  return `${frames.length}, ${seconds.toFixed(2)} s, ${loop ? `${loop} times` : 'for ever'}`
}

/** @param {any} metadata */
function metadataFacts(metadata) {
  const facts = []
  if (metadata.density) facts.push(['Density', `${metadata.density.map((/** @type {number} */ n) => Math.round(n * 0.0254)).join(' × ')} dpi`])
  for (const key of ['icc', 'exif', 'xmp']) {
    if (metadata[key]) facts.push([key === 'exif' ? 'Exif' : key.toUpperCase(), `${number.format(metadata[key].length)} bytes`])
  }
  for (const [key, value] of metadata.text ?? []) facts.push([key, value])
  return facts
}

/** @param {string[][]} rows */
function facts(rows) {
  $('facts').replaceChildren(
    ...rows.flatMap(([term, value, id]) => {
      const [dt, dd] = [document.createElement('dt'), document.createElement('dd')]
      dt.textContent = term
      dd.textContent = value
      if (id) dd.id = id
      return [dt, dd]
    }),
  )
}

/**
 * @param {Decoded} image
 * @param {Float64Array} counts
 * @param {number} pixels
 */
function showPalette({ palette, channels }, counts, pixels) {
  const entries = Array.from({ length: palette.length / channels }, (_, i) => {
    const rgba = [...palette.slice(i * channels, (i + 1) * channels)]
    if (rgba[3] === 255) rgba.pop()
    return { i, hex: '#' + rgba.map((v) => v.toString(16).padStart(2, '0')).join(''), share: counts[i] / pixels }
  })
  if ($('order').value === 'share') entries.sort((a, b) => b.share - a.share)
  const most = Math.max(...entries.map(({ share }) => share))
  $('palette').replaceChildren(
    ...entries.map(({ i, hex, share }) => {
      const item = document.createElement('button')
      item.type = 'button'
      item.title = `entry ${i}: show its pixels`
      item.setAttribute('aria-pressed', String(i === selected))
      item.innerHTML = '<i></i><code></code><span></span>'
      const [swatch, code, text] = /** @type {Iterable<HTMLElement>} */ (item.children)
      swatch.style.setProperty('--colour', hex)
      code.textContent = hex
      text.textContent = share === 0 ? '–' : share < 0.0005 ? '< 0.1 %' : `${(share * 100).toFixed(1)} %`
      item.style.setProperty('--share', String(share / most))
      item.onclick = () => select(i)
      return item
    }),
  )
}

/** @param {number} i an entry of the palette, whose pixels are to stand out */
function select(i) {
  selected = selected === i ? -1 : i
  for (const item of $('palette').children) item.setAttribute('aria-pressed', 'false')
  if (opened) order()
  player?.draw()
}

function order() {
  if (!opened) return
  const { image, counts } = opened
  const { scrollTop } = $('palette')
  showPalette(image, counts, image.width * image.height * (image.frames?.length ?? 1))
  $('palette').scrollTop = scrollTop
}

/**
 * @param {Uint8Array} bytes
 * @param {number} size
 */
function showPng(bytes, size) {
  png = bytes
  $('save').disabled = false
  $('png-size').textContent = `${number.format(bytes.length)} bytes (${(bytes.length / size).toFixed(2)} times)`
}

/** Plays the frames of an animation, or shows the only one. */
class Player {
  /** @param {Decoded} image */
  constructor(image) {
    this.image = image
    this.frames = image.frames ?? [{ indices: image.indices, milliseconds: 0 }]
    this.at = 0
    /** @type {number | undefined} */
    this.timer = undefined
    const several = this.frames.length > 1
    $('controls').hidden = !several
    $('frame').max = this.frames.length - 1
    this.draw()
    if (several && !matchMedia('(prefers-reduced-motion: reduce)').matches) this.play()
    else this.label()
  }

  draw() {
    const { width, height, palette, channels } = this.image
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'))
    let colours = palette
    if (selected >= 0) {
      // All other entries fade.
      colours = new Uint8Array((palette.length / channels) * 4)
      for (let i = 0; i * channels < palette.length; i++) {
        const alpha = channels === 4 ? palette[i * 4 + 3] : 255
        colours.set(palette.subarray(i * channels, i * channels + 3), i * 4)
        colours[i * 4 + 3] = i === selected ? Math.max(alpha, 64) : alpha >> 3
      }
    }
    const { indices } = this.frames[this.at]
    const picture = /** @type {any} */ ({ width, height, indices, palette: colours, channels: selected >= 0 ? 4 : channels })
    context.putImageData(toImageData(picture), 0, 0)
    this.label()
  }

  label() {
    $('frame').value = this.at
    $('frame-label').textContent = `${this.at + 1} / ${this.frames.length}`
    $('play').textContent = this.timer === undefined ? 'Play' : 'Pause'
  }

  play() {
    const next = () => {
      this.at = (this.at + 1) % this.frames.length
      this.timer = setTimeout(next, this.wait())
      this.draw()
    }
    this.timer = setTimeout(next, this.wait())
    this.label()
  }

  /** As browsers do with GIF and APNG files, the briefest frames are not taken at their word. */
  wait() {
    const { milliseconds } = this.frames[this.at]
    return milliseconds <= 10 ? 100 : milliseconds
  }

  pause() {
    clearTimeout(this.timer)
    this.timer = undefined
    this.label()
  }

  /** @param {number} frame */
  go(frame) {
    this.pause()
    this.at = frame
    this.draw()
  }
}

/** Small pictures are enlarged by whole factors, large ones shrunk. */
function fit() {
  const { width, height } = canvas
  const space = $('stage').getBoundingClientRect()
  const factor = Math.min((space.width - 32) / width, (space.height - 32) / height)
  const scale = $('zoom').value === 'fit' ? (factor >= 1 ? Math.min(16, Math.floor(factor)) : factor) : Number($('zoom').value)
  canvas.style.width = `${width * scale}px`
  canvas.style.height = `${height * scale}px`
  canvas.style.imageRendering = scale >= 1 ? 'pixelated' : 'auto'
}

/** @param {File} file */
async function openFile(file) {
  open(new Uint8Array(await file.arrayBuffer()), file.name)
}

/** @param {string} url */
async function openUrl(url) {
  try {
    say(`Fetching ${url} …`)
    const response = await fetch(url)
    if (!response.ok) throw new Error(`${response.status} ${response.statusText}`)
    open(new Uint8Array(await response.arrayBuffer()), decodeURIComponent(new URL(url, location.href).pathname.split('/').pop() || url))
  } catch (error) {
    const why = /** @type {Error} */ (error).message
    fail(`${url} could not be fetched (${why}). The other server must allow it (CORS); from a folder, open files instead.`)
  }
}

function save() {
  if (!png) return
  const link = document.createElement('a')
  link.href = URL.createObjectURL(new Blob([/** @type {BlobPart} */ (png)], { type: 'image/png' }))
  link.download = name.replace(/(\.kpal)?$/i, '.png')
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 60000)
}

let depth = 0
addEventListener('dragenter', (event) => {
  event.preventDefault()
  document.body.classList.toggle('drop', ++depth > 0)
})
addEventListener('dragleave', () => document.body.classList.toggle('drop', --depth > 0))
addEventListener('dragover', (event) => event.preventDefault())
addEventListener('drop', (event) => {
  event.preventDefault()
  document.body.classList.toggle('drop', ((depth = 0), false))
  const { files } = /** @type {DataTransfer} */ (event.dataTransfer)
  const url = event.dataTransfer?.getData('text/uri-list')
  if (files.length) openFile(files[0])
  else if (url) openUrl(url)
})
addEventListener('paste', (event) => {
  const [file] = event.clipboardData?.files ?? []
  if (file) openFile(file)
})
addEventListener('resize', () => opened && fit())
$('file').onchange = () => $('file').files[0] && openFile($('file').files[0])
$('url-form').onsubmit = (/** @type {Event} */ event) => {
  event.preventDefault()
  if ($('url').value) openUrl($('url').value)
}
$('order').onchange = order
$('zoom').onchange = fit
$('save').onclick = save
$('play').onclick = () => (player?.timer === undefined ? player?.play() : player.pause())
$('frame').oninput = () => player?.go(Number($('frame').value))

const asked = new URLSearchParams(location.search).get('url')
if (asked) openUrl(asked)
