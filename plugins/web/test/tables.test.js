import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DECAY, EXP, FLAG_DECAY, FLAG_RATE, LOG, RATE } from '../src/mixing/tables.js'

/** log2() of section 5.2.1 of the specification. */
function log2(v) {
  let e = v.toString(2).length - 1
  let m = BigInt(v) << BigInt(30 - e)
  for (let i = 0; i < 10; i++) {
    m = (m * m) >> 30n
    e *= 2
    if (m >= 2n ** 31n) {
      m >>= 1n
      e++
    }
  }
  return e
}

test('tables that are made in floating point are those of the specification', () => {
  LOG.forEach((log, i) => assert.equal(log, Math.max(-12288, log2(2 * i + 1) - 13312)))
  RATE.forEach((rate, i) => assert.equal(DECAY[i], 15360 - log2(32768 - rate)))
  FLAG_RATE.forEach((rate, i) => assert.equal(FLAG_DECAY[i], 15360 - log2(32768 - rate)))
  let v = 32767n << 32n
  for (let i = 0; i < 1024; i++) {
    const rounded = Number((v + 2n ** 31n) >> 32n)
    assert.equal(EXP[i], Math.max(1, rounded))
    v = (v * 4248701965n) >> 32n
  }
})

test('their values are not close to where rounding changes, so that any engine gets them', () => {
  const fromWhole = (x) => Math.abs(x - Math.round(x))
  const logs = [...LOG.keys()].slice(1).map((i) => 2 * i + 1)
  const rates = [...RATE, ...FLAG_RATE].map((rate) => 32768 - rate)
  for (const v of [...logs, ...rates]) assert.ok(fromWhole(1024 * Math.log2(v)) > 1e-5)
  for (let i = 1; i < 1024; i++) assert.ok(fromWhole(32767 * (4248701965 / 2 ** 32) ** i + 0.5) > 1e-5)
})
