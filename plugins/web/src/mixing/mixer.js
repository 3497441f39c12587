/**
 * The mixer, section 5.2.8 of the specification: it decodes nibbles by the predictions of many contexts.
 *
 * Where there is WebAssembly, it does the work of `nibble` (`kernel.js`), in memory that is laid out here. Without it, the
 * code below decodes the same, but takes three to five times as long.
 */
import { CODE, RANGE, RangeDecoder } from '../range-coder.js'
import { hashNode } from './hash.js'
import { CONSTANTS, releaseKernel, takeKernel } from './kernel.js'
import { findPrior, PRIORS } from './priors.js'
import { after, DECAY, EXP, LEAST, limit, LOG, RATE } from './tables.js'

const ROW = 16 // numbers in each row of weights, biases and logarithms
export const BIAS_ROWS = 768
const HIT_KINDS = 7
const MOST = 28 // the greatest count of a slot
const AT = 2 // beside code and range: how many bytes have been read
const SCRATCH = 560 // bytes that only the kernel uses
const FIXED = 325680 // bytes of what does not depend on the tile, and of the gap in front of `logs`

export class Mixer {
  /**
   * @param {Uint8Array} bytes of the tile
   * @param {import('./symbols.js').Variant} variant
   * @param {number} bits of slot tables
   * @param {number} moreContexts that frames after the first will add
   * @param {Int32Array} colours R, G, B, A of each rank, premultiplied
   */
  constructor(bytes, variant, bits, moreContexts, colours) {
    const { contexts, hits, biases, ease, paceA, paceB } = variant
    const k = colours.length >> 2
    const slots = (contexts + moreContexts) << bits
    const size = FIXED + 2 * ROW * (slots + slots / 16 + PRIORS * k)
    this.variant = variant
    this.contexts = contexts
    this.hits = hits
    this.bits = bits
    this.k = k
    this.kernel = takeKernel(size + bytes.length)
    const buffer = this.kernel?.memory.buffer ?? new ArrayBuffer(size)
    let at = CONSTANTS
    /**
     * @template T
     * @param {{ new (buffer: ArrayBuffer, at: number, length: number): T, BYTES_PER_ELEMENT: number }} Type
     * @param {number} length
     */
    const take = (Type, length) => {
      const array = new Type(buffer, at, length)
      at += length * Type.BYTES_PER_ELEMENT
      return array
    }
    const state = take(Uint32Array, 4)
    /** The fields above, and more, where the kernel finds them. */
    this.numbers = take(Int32Array, 16)
    this.meanErrors = take(Int32Array, 4)
    // What the pixel gives: the prior of new slots; hashes of keys, contexts and symbols of hits, rows of biases.
    this.p5 = 0
    this.width = 0
    this.bases = take(Int32Array, 16)
    this.hitContexts = take(Int32Array, 8)
    this.hitSymbols = take(Int32Array, 8)
    this.biasRows = take(Int32Array, 8)
    at += SCRATCH
    this.byCount = take(Int16Array, 32 * ROW)
    this.byActivity = take(Int16Array, 32 * ROW)
    this.byTexture = take(Int16Array, 1024 * ROW)
    this.byGuess = take(Int16Array, 512 * ROW)
    this.hitByActivity = take(Int32Array, 32 * 8)
    this.hitByTexture = take(Int32Array, 1024 * 8)
    this.hitProbabilities = take(Uint16Array, 2 * HIT_KINDS * 512)
    this.biases = take(Int16Array, 8 * BIAS_ROWS * ROW)
    this.biasCounts = take(Uint8Array, 8 * BIAS_ROWS)
    this.colours = take(Int32Array, 256 * 4)
    this.priorsMade = take(Uint32Array, 256 * 8) // a bit for each node
    this.checks = take(Uint16Array, slots) // check << 5 | count
    new Uint8Array(buffer, CONSTANTS, at - CONSTANTS).fill(0) // A kernel may have been used before.
    at = (at + 31) & -32
    this.logs = take(Int16Array, ROW * slots)
    this.priors = take(Int16Array, ROW * PRIORS * k)
    this.decoder = new RangeDecoder(bytes, state)
    this.numbers.set([contexts, hits, biases, bits, k, ease, paceA, paceB])
    this.numbers.set([this.logs.byteOffset, this.priors.byteOffset, at, bytes.length, 0, 200, (ease * 5) >> 4], 8)
    if (this.kernel) take(Uint8Array, bytes.length).set(bytes)

    this.meanErrors.fill(2000 << 14)
    this.hitByActivity.fill(19661)
    this.hitProbabilities.fill(49152)
    this.colours.set(colours)
    this.setWeights(0)
    this.setBiases()

    // What the stages of a nibble leave for each other.
    this.used = new Int32Array(ROW)
    this.counts = new Int32Array(ROW)
    this.scores = new Int32Array(ROW)
    this.frequencies = new Int32Array(ROW)
    this.errors = new Int32Array(ROW)
    this.hitStretches = new Int32Array(8)
    this.nibbles = 0
  }

  /**
   * Sets the weights by_count of contexts, from the first new one on.
   * @param {number} first
   */
  setWeights(first) {
    const { contexts, byCount } = this
    const whole = Math.floor(15000 / contexts)
    for (let count = 0; count <= MOST; count++) {
      const weight = (whole * (10 * count + 4)) / (10 * count + 12)
      byCount.fill(weight, count * ROW + first, count * ROW + contexts)
    }
  }

  setBiases() {
    const { k, biases, variant } = this
    for (let v = 0; v < k; v++) {
      biases[v * ROW + (k > 16 ? v >> 4 : v)] = 500
      biases[(256 + v) * ROW + (v & 15)] = 1000
    }
    for (let j = 1; j < variant.biases; j++) biases.copyWithin(j * BIAS_ROWS * ROW, 0, BIAS_ROWS * ROW)
  }

  /**
   * Adds what only frames after the first have.
   * @param {number} contexts
   * @param {number} hits
   */
  extend(contexts, hits) {
    const { numbers } = this
    this.contexts = numbers[0] += contexts
    this.hits = numbers[1] = Math.max(this.hits, hits)
    this.setWeights(this.contexts - contexts)
    this.byGuess.fill(0)
  }

  /** Lets the next tile have the memory. Nothing can be decoded after that. */
  release() {
    if (this.kernel) releaseKernel(this.kernel)
  }

  /**
   * Decodes a symbol from 0 to 15.
   * @param {number} node
   * @param {number} activityRow
   * @param {number} textureRow
   * @param {number} guessRow
   * @param {number} count symbols from here on are impossible
   * @param {number} impossible so is this one, if not -1
   */
  nibble(node, activityRow, textureRow, guessRow, count, impossible) {
    const { kernel, decoder, p5, width } = this
    if (kernel) {
      const { state } = decoder
      state[AT] = decoder.at
      const z = kernel.nibble(node, activityRow, textureRow, guessRow, count, impossible, p5, width)
      decoder.at = state[AT]
      return z
    }
    const isLow = node === 0 ? 0 : 1
    this.nibbles++
    this.selectSlots(node)
    this.setScores(activityRow * ROW, textureRow * ROW, guessRow * ROW)
    this.addHits(isLow, activityRow * 8, textureRow * 8)
    const total = this.setFrequencies(count, impossible)
    const z = this.decode(total)
    const pace = this.setErrors(total, z, isLow)
    this.learnContexts(activityRow * ROW, textureRow * ROW, guessRow * ROW, z, pace)
    this.learnBiases(pace)
    this.learnHits(isLow, activityRow * 8, textureRow * 8, z)
    return z
  }

  /** @param {number} node */
  selectSlots(node) {
    const { contexts, bases, checks, used, counts, bits } = this
    for (let c = 0; c < contexts; c++) {
      const h = hashNode(bases[c], node)
      const check = ((h >> (20 - bits)) & 0x7ff) | 1
      let slot = (c << bits) | (h >> (31 - bits))
      if (checks[slot] >> 5 !== check) {
        const other = slot ^ 1
        const isOther = checks[other] >> 5 === check
        if (isOther || (checks[other] & 31) < (checks[slot] & 31)) slot = other
        if (!isOther) {
          checks[slot] = check << 5
          this.logs.set(findPrior(this, node), slot * ROW)
        }
      }
      used[c] = slot * ROW
      counts[c] = checks[slot] & 31
      if (counts[c] < MOST) checks[slot]++
    }
  }

  /**
   * Sets the scores to what biases and contexts say.
   * @param {number} activityAt
   * @param {number} textureAt
   * @param {number} guessAt
   */
  setScores(activityAt, textureAt, guessAt) {
    const { variant, contexts, biases, biasRows, logs, used, counts, scores } = this
    const { byCount, byActivity, byTexture, byGuess } = this
    scores.fill(0)
    for (let j = 0; j < variant.biases; j += 2) {
      const a = biasRows[j] * ROW
      const b = biasRows[j + 1] * ROW
      for (let y = 0; y < 16; y++) scores[y] += (biases[a + y] + biases[b + y]) >> 6
    }
    for (let c = 0; c < contexts; c++) {
      const sum =
        (byActivity[activityAt + c] >> 2) +
        (byTexture[textureAt + c] >> 2) +
        (byGuess[guessAt + c] >> 2) +
        (byCount[counts[c] * ROW + c] >> 2)
      const weight = limit(sum, 8191)
      const at = used[c]
      for (let y = 0; y < 16; y++) scores[y] += Math.imul(weight, logs[at + y]) >> 16
    }
  }

  /**
   * @param {number} isLow
   * @param {number} activityAt
   * @param {number} textureAt
   */
  addHits(isLow, activityAt, textureAt) {
    const { hits, hitSymbols, hitContexts, hitStretches, hitProbabilities, hitByActivity, hitByTexture, scores } = this
    for (let i = 0; i < hits; i++) {
      if (hitSymbols[i] < 0) continue
      const v = hitProbabilities[isLow * HIT_KINDS * 512 + hitContexts[i]] >> 4
      const weight = limit((hitByActivity[activityAt + i] + hitByTexture[textureAt + i]) >> 4, 8191)
      hitStretches[i] = LOG[v] - LOG[4095 - v]
      scores[hitSymbols[i]] += Math.imul(weight, hitStretches[i]) >> 16
    }
  }

  /**
   * Sets the frequencies of all symbols, and returns their sum.
   * @param {number} count
   * @param {number} impossible
   */
  setFrequencies(count, impossible) {
    const { scores, frequencies } = this
    let best = -Infinity
    for (let y = 0; y < count; y++) if (y !== impossible && scores[y] > best) best = scores[y]
    let total = 0
    for (let y = 0; y < 16; y++) {
      total += frequencies[y] = y < count && y !== impossible ? EXP[Math.min(best - scores[y], 1023)] : 0
    }
    return total
  }

  /** @param {number} total */
  decode(total) {
    const { decoder, frequencies } = this
    const unit = (decoder.state[RANGE] / total) >>> 0
    const target = Math.min((decoder.state[CODE] / unit) >>> 0, total - 1)
    let z = 0
    let below = 0
    while (below + frequencies[z] <= target) below += frequencies[z++]
    decoder.narrow(Math.imul(unit, below), Math.imul(unit, frequencies[z]))
    return z
  }

  /**
   * Sets the errors of all symbols, and returns the pace of learning.
   * @param {number} total
   * @param {number} z
   * @param {number} isLow
   */
  setErrors(total, z, isLow) {
    const { errors, frequencies, meanErrors, nibbles } = this
    const { paceA, paceB } = this.variant
    const unit = Math.min((2 ** 30 / total) | 0, 32767)
    for (let y = 0; y < 16; y++) errors[y] = -(Math.imul(frequencies[y], unit) >> 16)
    errors[z] += 16384
    const mean = meanErrors[isLow]
    meanErrors[isLow] += (errors[z] << 4) - (mean >> 10)
    return paceA + ((paceB / ((mean >> 14) + 1024)) | 0) + ((6400 / ((nibbles >> 6) + 32)) | 0)
  }

  /**
   * Slots and weights learn.
   * @param {number} activityAt
   * @param {number} textureAt
   * @param {number} guessAt
   * @param {number} z
   * @param {number} pace
   */
  learnContexts(activityAt, textureAt, guessAt, z, pace) {
    const { contexts, logs, used, counts, errors, byCount, byActivity, byTexture, byGuess } = this
    for (let c = 0; c < contexts; c++) {
      const at = used[c]
      const count = counts[c]
      const decay = DECAY[count]
      const log = logs[at + z]
      let sum = 0
      for (let y = 0; y < 16; y++) {
        const l = logs[at + y]
        sum = (sum + Math.imul(errors[y], l)) | 0
        logs[at + y] = l - decay < LEAST ? LEAST : l - decay
      }
      const middle = -(-log & -64) - 32
      logs[at + z] = Math.min(log + after(middle, RATE[count]) - middle, 0)

      const step = (Math.imul(sum >> 14, pace) + 32768) >> 16
      byCount[count * ROW + c] = limit(byCount[count * ROW + c] + step, 24000)
      byActivity[activityAt + c] = limit(byActivity[activityAt + c] + step, 24000)
      byTexture[textureAt + c] = limit(byTexture[textureAt + c] + 2 * step, 24000)
      byGuess[guessAt + c] = limit(byGuess[guessAt + c] + step, 24000)
    }
  }

  /** @param {number} pace */
  learnBiases(pace) {
    const { variant, biases, biasRows, biasCounts, errors, nibbles } = this
    const time = nibbles >> 6
    const share = (Math.imul(variant.ease, time + 5) / (time + 16)) | 0
    const common = Math.imul(pace, share) >> 5
    for (let j = 0; j < variant.biases; j++) {
      const row = biasRows[j]
      const count = biasCounts[row]
      const rate = Math.imul(common, 96 + ((56544 / (4 * count + 109)) | 0)) >> 9
      if (count < 255) biasCounts[row]++
      const at = row * ROW
      for (let y = 0; y < 16; y++) biases[at + y] = limit(biases[at + y] + (Math.imul(errors[y], rate) >> 16), 10000)
    }
  }

  /**
   * @param {number} isLow
   * @param {number} activityAt
   * @param {number} textureAt
   * @param {number} z
   */
  learnHits(isLow, activityAt, textureAt, z) {
    const { hits, hitSymbols, hitContexts, hitStretches, hitProbabilities, hitByActivity, hitByTexture, errors } = this
    for (let i = 0; i < hits; i++) {
      const symbol = hitSymbols[i]
      if (symbol < 0) continue
      const step = Math.imul(Math.imul(errors[symbol], hitStretches[i]) >> 14, 400) >> 10
      hitByActivity[activityAt + i] = limit(hitByActivity[activityAt + i] + step, 1 << 20)
      hitByTexture[textureAt + i] = limit(hitByTexture[textureAt + i] + step, 1 << 20)
      const at = isLow * HIT_KINDS * 512 + hitContexts[i]
      const p = hitProbabilities[at]
      hitProbabilities[at] = symbol === z ? p + ((65535 - p) >> 6) : p - (p >> 6)
    }
  }
}
