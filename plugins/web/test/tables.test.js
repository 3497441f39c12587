import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LEVEL } from '../src/level.js'
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

test('the tables are those of the specification, computed with numbers of any length', () => {
  LOG.forEach((log, i) => assert.equal(log, Math.max(-12288, log2(2 * i + 1) - 13312)))
  RATE.forEach((rate, i) => assert.equal(DECAY[i], 15360 - log2(32768 - rate)))
  FLAG_RATE.forEach((rate, i) => assert.equal(FLAG_DECAY[i], 15360 - log2(32768 - rate)))
  let v = 32767n << 32n
  for (let i = 0; i < 1024; i++) {
    const rounded = Number((v + 2n ** 31n) >> 32n)
    assert.equal(EXP[i], Math.max(1, rounded))
    v = (v * 4248701965n) >> 32n
  }
  LEVEL.forEach((level, i) => assert.equal(level, Math.min(15, Math.floor((((BigInt(i) + 1n) ** 4n).toString(2).length - 1) / 3))))
})
