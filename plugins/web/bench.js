/** Times decode() on files: node bench.js seconds files... */
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { decode } from './src/index.js'

/** Milliseconds of the processor, not of the clock: other programs may be running. */
function cpu() {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

const seconds = Number(process.argv[2])
for (const path of process.argv.slice(3)) {
  const bytes = readFileSync(path)
  const { width, height, frames } = decode(bytes)
  const warm = performance.now() + seconds * 300
  while (performance.now() < warm) decode(bytes)
  const before = cpu()
  let runs = 0
  for (const start = performance.now(); performance.now() - start < seconds * 1000; runs++) decode(bytes)
  const each = (cpu() - before) / runs
  const rate = (width * height * (frames?.length ?? 1)) / each / 1000
  console.log(`${basename(path).padEnd(28)} ${each.toFixed(1).padStart(8)} ms  ${rate.toFixed(1).padStart(7)} megapixels/s`)
}
