/**
 * Times decode() on files, here or in a worker of a browser: node bench.js [--browser chromium|firefox] seconds files...
 * Milliseconds are of the processor, not of the clock (except of browsers without /proc): other programs may be running.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { parseArgs } from 'node:util'
import { decode, inspect } from './src/index.js'
import { launch, Server } from './test/browser/harness.js'

/** How often a file is decoded in some milliseconds, at least once. (Its text is part of the worker.) */
function repeat(decode, bytes, milliseconds) {
  let runs = 0
  for (const start = performance.now(); runs === 0 || performance.now() - start < milliseconds; runs++) decode(bytes)
  return runs
}

const WORKER = `import { decode } from '/package/src/index.js'
${repeat}
const files = {}
onmessage = async ({ data: [path, milliseconds] }) => {
  files[path] ??= new Uint8Array(await (await fetch(path)).arrayBuffer())
  postMessage(repeat(decode, files[path], milliseconds))
}`

function here() {
  const cpu = () => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1000
  }
  return { cpu, repeat: (path, milliseconds) => repeat(decode, readFileSync(path), milliseconds), close() {} }
}

async function inBrowser(name) {
  const server = new Server()
  await server.start()
  server.add('/', '<!doctype html>', { type: 'text/html' })
  server.add('/worker.js', WORKER)
  const { browser, close } = await launch(name)
  const page = await browser.newPage()
  await page.goto(server.origin)
  await page.evaluate(`worker = new Worker('/worker.js', { type: 'module' })`)
  return {
    cpu: () => cpuOfTree(browser.process().pid),
    repeat(path, milliseconds) {
      server.add(path, readFileSync(path))
      return page.evaluate(`new Promise((resolve, reject) => {
        worker.onmessage = ({ data }) => resolve(data)
        worker.onerror = ({ message }) => reject(new Error(message))
        worker.postMessage(${JSON.stringify([encodeURI(path), milliseconds])})
      })`)
    },
    async close() {
      await close()
      server.stop()
    },
  }
}

/** Of a process and all that it has started. */
function cpuOfTree(root) {
  if (!existsSync('/proc/self/stat')) return performance.now()
  const parents = new Map()
  const times = new Map()
  for (const pid of readdirSync('/proc').filter(Number).map(Number)) {
    let stat
    try {
      stat = readFileSync(`/proc/${pid}/stat`, 'utf-8')
    } catch {
      continue // It has just ended.
    }
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ') // from the third on
    parents.set(pid, Number(fields[1]))
    times.set(pid, 10 * (Number(fields[11]) + Number(fields[12]))) // counted in hundredths of a second
  }
  const isWithin = (pid) => pid === root || (parents.has(pid) && isWithin(parents.get(pid)))
  return [...times].reduce((sum, [pid, time]) => sum + (isWithin(pid) ? time : 0), 0)
}

const { values, positionals } = parseArgs({ options: { browser: { type: 'string' } }, allowPositionals: true })
const [seconds, ...paths] = positionals
const decoder = values.browser ? await inBrowser(values.browser) : here()
for (const path of paths) {
  const { width, height, frames } = inspect(readFileSync(path))
  await decoder.repeat(path, seconds * 300) // to be compiled
  const before = decoder.cpu()
  const runs = await decoder.repeat(path, seconds * 1000)
  const each = (decoder.cpu() - before) / runs
  const rate = (width * height * frames) / each / 1000
  console.log(`${basename(path).padEnd(36)} ${each.toFixed(2).padStart(9)} ms  ${rate.toFixed(1).padStart(7)} megapixels/s`)
}
await decoder.close()
