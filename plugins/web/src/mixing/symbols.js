/**
 * The mixer, section 5.2.8 of the specification: it codes nibbles of ranks by the predictions of many contexts.
 *
 * Here a decoder spends its time. Everything is in typed arrays, and nothing is allocated once a tile has begun.
 */
import { CODE, RANGE } from '../range-coder.js'
import { hashNode } from './hash.js'
import { BIAS_RATE, bitLength, DECAY, EXP, GREATEST_SCORE, LEAST, LOG, RISE, RISE_ROW } from './tables.js'

/**
 * @typedef {object} Variant
 * @property {number} contexts
 * @property {number} hits
 * @property {number} maxBits of a slot table
 * @property {number} biases
 * @property {number} ease
 * @property {number} paceA
 * @property {number} paceB
 */

/** @type {Record<'mix' | 'max', Variant>} */
export const VARIANTS = {
  mix: { contexts: 5, hits: 1, maxBits: 14, biases: 6, ease: 112, paceA: 240, paceB: 2072576 },
  max: { contexts: 13, hits: 5, maxBits: 16, biases: 8, ease: 64, paceA: 168, paceB: 1802240 },
}

const BIAS_ROWS = 768
const HIT_KINDS = 7 // two of them only in frames after the first
const MOST = 28 // the greatest count of a slot
const NONE = -1

/**
 * Logarithms and biases are stored in pairs: those of an even symbol in the low half of a number, and of the next one in
 * the high half. So half as many are read and written, and what is the same for both is computed for both at once. To
 * make halves positive, biases are stored with BIAS_ZERO added, and logarithms minus LEAST.
 */
const TWICE = 0x10001
const SIGNS = 0x80008000 | 0
const BIAS_ZERO = 10240
const BIAS_LEAST = BIAS_ZERO - 10000
const BIAS_MOST = BIAS_ZERO + 10000
const PAIR_LEAST = BIAS_LEAST * TWICE
const PAIR_MOST = BIAS_MOST * TWICE

/** So far below any other score that its frequency is 0. */
const IMPOSSIBLE = -3 * GREATEST_SCORE - 1

export class SymbolCoder {
  /**
   * @param {import('../range-coder.js').RangeDecoder} decoder
   * @param {Variant} variant
   * @param {number} k
   * @param {number} n pixels in the tile
   * @param {import('./priors.js').Priors} priors
   */
  constructor(decoder, variant, k, n, priors) {
    this.decoder = decoder
    this.variant = variant
    this.contexts = variant.contexts
    this.ease = variant.ease
    this.k = k
    this.priors = priors
    const { contexts, hits, biases } = variant

    // What the pixel gives: hashes of keys, ranks of biases and hits, rows of weights.
    this.bases = new Int32Array(contexts)
    this.biasRanks = new Int32Array(biases)
    this.hitRanks = new Int32Array(hits)
    this.hitContexts = new Int32Array(hits)
    this.activity = 0
    this.texture = 0
    this.p5 = 0
    this.width = 0

    // In frames after the first, rows by what is known from the frame before take the place of rows by p5.
    this.situation = NONE
    this.reference = NONE

    // Slots: check << 5 | count, and sixteen logarithms in eight numbers.
    this.bits = Math.min(variant.maxBits, Math.max(8, bitLength(2 * n)))
    // Contexts are handled five at a time. Those that do not exist have a slot of their own, and weight 0.
    const padded = Math.ceil(contexts / 5) * 5
    this.slots = new Uint16Array((contexts << this.bits) + 1)
    this.logs = new Int32Array(this.slots.length << 3)
    // The same, one by one: where nothing is gained by pairs. (Machines whose first half is the high one are extinct.)
    this.halves = new Int16Array(this.logs.buffer)
    this.used = new Int32Array(padded).fill(contexts << this.bits)
    this.counts = new Int32Array(padded)
    this.weights = new Int32Array(padded)
    this.sums = new Int32Array(padded)

    // Weights, sixteen in a row.
    this.byCount = new Int16Array(29 * 16)
    this.byActivity = new Int16Array(32 * 16)
    this.byTexture = new Int16Array(1024 * 16)
    this.byGuess = new Int16Array(512 * 16)
    for (let i = 0; i < 29; i++) {
      this.byCount.fill(weightOf(contexts, i), 16 * i, 16 * i + contexts)
    }

    // Biases, sixteen in a row of eight numbers, and how often each row was used.
    this.biases = makeBiases(biases, k)
    this.biasCounts = new Uint8Array(biases * BIAS_ROWS)
    this.biasUsed = new Int32Array(biases)
    this.rates = new Int32Array(biases)

    this.hitByActivity = new Int32Array(32 * 8).fill(19661)
    this.hitByTexture = new Int32Array(1024 * 8)
    this.hitProbability = new Int32Array(2 * HIT_KINDS * 512).fill(49152)
    this.hitSymbol = new Int32Array(hits)
    this.hitUsed = new Int32Array(hits)
    this.hitStretch = new Int32Array(hits)

    this.scores = new Int32Array(16)
    this.frequencies = new Int32Array(16)
    this.errors = new Int32Array(16)
    this.meanErrors = Int32Array.of(2000 << 14, 2000 << 14)
    this.errorSum = 0
    this.nibbles = 0
  }

  /**
   * Decodes a rank.
   * @param {number} excluded a rank that it is not, or -1
   */
  rank(excluded) {
    const { k } = this
    let high = 0
    if (k > 16) {
      const impossible = excluded >= 0 && k - (excluded & 240) === 1 ? excluded >> 4 : NONE
      const guessRow = this.situation < 0 ? this.p5 : this.situation
      this.setHighRows()
      high = this.nibble(0, this.activity, this.texture, guessRow, (k + 15) >> 4, impossible)
      this.setLowRows(high)
    } else this.setOnlyRows()
    const impossible = excluded >= 0 && excluded >> 4 === high ? excluded & 15 : NONE
    const count = Math.min(16, k - 16 * high)
    return (high << 4) | this.nibble(1 + high, 16 + this.activity, 512 + this.texture, this.lowRow(high), count, impossible)
  }

  /** @param {number} high */
  lowRow(high) {
    const { k, p5, situation, reference } = this
    if (situation < 0) return 256 + (k > 16 ? (high << 4) | (p5 >> 4) : p5)
    return 256 + (k > 16 ? (situation & ~64) | (reference >> 4 === high ? 64 : 0) : situation)
  }

  /** The rows of biases and the symbols of hits for the high nibble. */
  setHighRows() {
    const { biasRanks, biasUsed, hitRanks, hitSymbol } = this
    for (let j = 0; j < biasRanks.length; j++) biasUsed[j] = j * BIAS_ROWS + biasRanks[j]
    for (let i = 0; i < hitRanks.length; i++) hitSymbol[i] = hitRanks[i] >> 4 // none stays -1
  }

  /** @param {number} high */
  setLowRows(high) {
    const { biasRanks, biasUsed, hitRanks, hitSymbol } = this
    for (let j = 0; j < biasRanks.length; j++) {
      const v = biasRanks[j]
      biasUsed[j] = j * BIAS_ROWS + (v >> 4 === high ? 256 + v : 512 + ((v & 240) | high))
    }
    for (let i = 0; i < hitRanks.length; i++) hitSymbol[i] = hitRanks[i] >> 4 === high ? hitRanks[i] & 15 : NONE
  }

  /** The same for images of at most 16 colours. */
  setOnlyRows() {
    const { biasRanks, biasUsed, hitRanks, hitSymbol } = this
    for (let j = 0; j < biasRanks.length; j++) biasUsed[j] = j * BIAS_ROWS + biasRanks[j]
    for (let i = 0; i < hitRanks.length; i++) hitSymbol[i] = hitRanks[i]
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
    const activityAt = activityRow << 4
    const textureAt = textureRow << 4
    const guessAt = guessRow << 4
    this.nibbles++
    this.selectSlots(node)
    this.setWeights(activityAt, textureAt, guessAt)
    this.setBiases()
    for (let c = 0; c < this.contexts; c += 5) this.addContexts(c)
    this.addHits(node === 0 ? 0 : 1, activityRow << 3, textureRow << 3)
    const total = this.setFrequencies(count, impossible)
    const z = this.decode(total, count)
    const pace = this.setErrors(total, z, node === 0 ? 0 : 1)
    for (let c = 0; c < this.contexts; c += 5) this.learnSlots(c, z)
    this.learnWeights(activityAt, textureAt, guessAt, pace)
    this.learnBiases(pace)
    this.learnHits(activityRow << 3, textureRow << 3, z)
    return z
  }

  /** @param {number} node */
  selectSlots(node) {
    const { bases, slots, used, bits } = this
    for (let c = 0; c < bases.length; c++) {
      const h = hashNode(bases[c], node)
      const check = ((h >> (20 - bits)) & 0x7ff) | 1
      const slot = (c << bits) | (h >> (31 - bits))
      const other = slot ^ 1
      if (slots[slot] >> 5 === check) used[c] = slot
      else if (slots[other] >> 5 === check) used[c] = other
      else {
        used[c] = (slots[other] & 31) < (slots[slot] & 31) ? other : slot
        this.reset(used[c], check, node)
      }
    }
  }

  /**
   * @param {number} slot
   * @param {number} check
   * @param {number} node
   */
  reset(slot, check, node) {
    const { logs, priors } = this
    const from = priors.find(this.p5, this.width, node)
    const prior = priors.logs
    this.slots[slot] = check << 5
    for (let i = 0; i < 8; i++) logs[(slot << 3) | i] = prior[from | i]
  }

  /**
   * The weights of all contexts.
   * @param {number} activityAt
   * @param {number} textureAt
   * @param {number} guessAt
   */
  setWeights(activityAt, textureAt, guessAt) {
    const { used, slots, counts, weights, byCount, byActivity, byTexture, byGuess, contexts } = this
    for (let c = 0; c < contexts; c++) {
      const count = slots[used[c]] & 31
      counts[c] = count
      weights[c] = limit(
        (byActivity[activityAt | c] >> 2) +
          (byTexture[textureAt | c] >> 2) +
          (byGuess[guessAt | c] >> 2) +
          (byCount[(count << 4) | c] >> 2),
        8191,
      )
    }
  }

  /** Sets the scores to what the biases say. */
  setBiases() {
    const { biases, biasUsed, scores } = this
    const at0 = biasUsed[0] << 3
    const at1 = biasUsed[1] << 3
    const at2 = biasUsed[2] << 3
    const at3 = biasUsed[3] << 3
    const at4 = biasUsed[4] << 3
    const at5 = biasUsed[5] << 3
    for (let i = 0; i < 8; i++) {
      const sum =
        pairOfBiases(biases[at0 | i], biases[at1 | i]) +
        pairOfBiases(biases[at2 | i], biases[at3 | i]) +
        pairOfBiases(biases[at4 | i], biases[at5 | i])
      scores[2 * i] = (sum & 0xffff) - 3 * (BIAS_ZERO >> 5)
      scores[2 * i + 1] = (sum >> 16) - 3 * (BIAS_ZERO >> 5)
    }
    if (biasUsed.length === 6) return
    const at6 = biasUsed[6] << 3
    const at7 = biasUsed[7] << 3
    for (let i = 0; i < 8; i++) {
      const sum = pairOfBiases(biases[at6 | i], biases[at7 | i])
      scores[2 * i] += (sum & 0xffff) - (BIAS_ZERO >> 5)
      scores[2 * i + 1] += (sum >> 16) - (BIAS_ZERO >> 5)
    }
  }

  /**
   * Adds to the scores what five contexts say, beginning with context c.
   * @param {number} c
   */
  addContexts(c) {
    const { used, weights, halves, scores } = this
    const at0 = used[c] << 4
    const at1 = used[c + 1] << 4
    const at2 = used[c + 2] << 4
    const at3 = used[c + 3] << 4
    const at4 = used[c + 4] << 4
    const w0 = weights[c]
    const w1 = weights[c + 1]
    const w2 = weights[c + 2]
    const w3 = weights[c + 3]
    const w4 = weights[c + 4]
    const zero0 = Math.imul(w0, LEAST)
    const zero1 = Math.imul(w1, LEAST)
    const zero2 = Math.imul(w2, LEAST)
    const zero3 = Math.imul(w3, LEAST)
    const zero4 = Math.imul(w4, LEAST)
    for (let y = 0; y < 16; y++) {
      scores[y] +=
        ((Math.imul(w0, halves[at0 | y]) + zero0) >> 16) +
        ((Math.imul(w1, halves[at1 | y]) + zero1) >> 16) +
        ((Math.imul(w2, halves[at2 | y]) + zero2) >> 16) +
        ((Math.imul(w3, halves[at3 | y]) + zero3) >> 16) +
        ((Math.imul(w4, halves[at4 | y]) + zero4) >> 16)
    }
  }

  /**
   * @param {number} low 0 for the high nibble, 1 for the low one
   * @param {number} activityAt
   * @param {number} textureAt
   */
  addHits(low, activityAt, textureAt) {
    const { hitSymbol, hitUsed, hitContexts, hitStretch, hitProbability, hitByActivity, hitByTexture, scores } = this
    for (let i = 0; i < hitSymbol.length; i++) {
      const symbol = hitSymbol[i]
      if (symbol < 0) continue
      const at = ((low * HIT_KINDS) << 9) + hitContexts[i]
      const v = hitProbability[at] >> 4
      const stretch = LOG[v] - LOG[4095 - v]
      const weight = limit((hitByActivity[activityAt + i] + hitByTexture[textureAt + i]) >> 4, 8191)
      scores[symbol] += Math.imul(weight, stretch) >> 16
      hitUsed[i] = at
      hitStretch[i] = stretch
    }
  }

  /**
   * Sets the frequencies of all symbols, and returns their sum.
   * @param {number} count
   * @param {number} impossible
   */
  setFrequencies(count, impossible) {
    const { scores, frequencies } = this
    if (impossible >= 0) scores[impossible] = IMPOSSIBLE
    let best = scores[0]
    for (let y = 1; y < count; y++) {
      const behind = best - scores[y]
      best -= behind & (behind >> 31) // the maximum, without a branch
    }
    let total = 0
    for (let y = 0; y < count; y++) {
      const frequency = EXP[best - scores[y]]
      frequencies[y] = frequency
      total = (total + frequency) | 0
    }
    for (let y = count; y < 16; y++) frequencies[y] = 0
    return total
  }

  /**
   * @param {number} total
   * @param {number} count
   */
  decode(total, count) {
    const { decoder, frequencies } = this
    const unit = (decoder.state[RANGE] / total) >>> 0
    // Instead of dividing code by the unit, take one symbol after the other off it. In a damaged file code can exceed
    // them all: then it is the last possible symbol.
    let last = count - 1
    while (frequencies[last] === 0) last--
    let z = 0
    let rest = decoder.state[CODE]
    let below = 0
    for (; z < last; z++) {
      const size = Math.imul(unit, frequencies[z]) >>> 0
      if (rest < size) break
      rest = (rest - size) >>> 0
      below = (below + size) | 0
    }
    decoder.narrow(below, Math.imul(unit, frequencies[z]))
    return z
  }

  /**
   * Sets the errors of all symbols, and returns the pace of learning.
   * @param {number} total
   * @param {number} z
   * @param {number} low
   */
  setErrors(total, z, low) {
    const { errors, frequencies, meanErrors, nibbles } = this
    const unit = Math.min((2 ** 30 / total) | 0, 32767)
    let sum = 16384
    for (let y = 0; y < 16; y++) {
      const share = Math.imul(frequencies[y], unit) >> 16
      errors[y] = -share
      sum -= share
    }
    errors[z] += 16384
    this.errorSum = sum
    const mean = meanErrors[low]
    meanErrors[low] += (errors[z] << 4) - (mean >> 10)
    const { paceA, paceB } = this.variant
    return (paceA + ((paceB / ((mean >> 14) + 1024)) | 0) + ((6400 / ((nibbles >> 6) + 32)) | 0)) | 0
  }

  /**
   * Tells the slots of five contexts, beginning with context c, what the symbol was; sets the sums by which weights learn.
   * @param {number} c
   * @param {number} z
   */
  learnSlots(c, z) {
    const { used, counts, logs, errors, sums } = this
    const at0 = used[c] << 3
    const at1 = used[c + 1] << 3
    const at2 = used[c + 2] << 3
    const at3 = used[c + 3] << 3
    const at4 = used[c + 4] << 3
    const decay0 = DECAY[counts[c]] * TWICE
    const decay1 = DECAY[counts[c + 1]] * TWICE
    const decay2 = DECAY[counts[c + 2]] * TWICE
    const decay3 = DECAY[counts[c + 3]] * TWICE
    const decay4 = DECAY[counts[c + 4]] * TWICE
    const where = z >> 1
    const shift = (z & 1) << 4
    const new0 = risen((logs[at0 | where] >> shift) & 0xffff, counts[c])
    const new1 = risen((logs[at1 | where] >> shift) & 0xffff, counts[c + 1])
    const new2 = risen((logs[at2 | where] >> shift) & 0xffff, counts[c + 2])
    const new3 = risen((logs[at3 | where] >> shift) & 0xffff, counts[c + 3])
    const new4 = risen((logs[at4 | where] >> shift) & 0xffff, counts[c + 4])
    let sum0 = 0
    let sum1 = 0
    let sum2 = 0
    let sum3 = 0
    let sum4 = 0
    for (let i = 0; i < 8; i++) {
      const error = errors[2 * i]
      const next = errors[2 * i + 1]
      const log0 = logs[at0 | i]
      const log1 = logs[at1 | i]
      const log2 = logs[at2 | i]
      const log3 = logs[at3 | i]
      const log4 = logs[at4 | i]
      sum0 = (sum0 + Math.imul(error, log0 & 0xffff) + Math.imul(next, log0 >> 16)) | 0
      sum1 = (sum1 + Math.imul(error, log1 & 0xffff) + Math.imul(next, log1 >> 16)) | 0
      sum2 = (sum2 + Math.imul(error, log2 & 0xffff) + Math.imul(next, log2 >> 16)) | 0
      sum3 = (sum3 + Math.imul(error, log3 & 0xffff) + Math.imul(next, log3 >> 16)) | 0
      sum4 = (sum4 + Math.imul(error, log4 & 0xffff) + Math.imul(next, log4 >> 16)) | 0
      logs[at0 | i] = fallen(log0, decay0)
      logs[at1 | i] = fallen(log1, decay1)
      logs[at2 | i] = fallen(log2, decay2)
      logs[at3 | i] = fallen(log3, decay3)
      logs[at4 | i] = fallen(log4, decay4)
    }
    const others = ~(0xffff << shift)
    logs[at0 | where] = (logs[at0 | where] & others) | (new0 << shift)
    logs[at1 | where] = (logs[at1 | where] & others) | (new1 << shift)
    logs[at2 | where] = (logs[at2 | where] & others) | (new2 << shift)
    logs[at3 | where] = (logs[at3 | where] & others) | (new3 << shift)
    logs[at4 | where] = (logs[at4 | where] & others) | (new4 << shift)
    const zero = Math.imul(this.errorSum, LEAST)
    sums[c] = sum0 + zero
    sums[c + 1] = sum1 + zero
    sums[c + 2] = sum2 + zero
    sums[c + 3] = sum3 + zero
    sums[c + 4] = sum4 + zero
  }

  /**
   * @param {number} activityAt
   * @param {number} textureAt
   * @param {number} guessAt
   * @param {number} pace
   */
  learnWeights(activityAt, textureAt, guessAt, pace) {
    const { used, slots, counts, sums, byCount, byActivity, byTexture, byGuess, contexts } = this
    for (let c = 0; c < contexts; c++) {
      const count = counts[c]
      const step = (Math.imul(sums[c] >> 14, pace) + 32768) >> 16
      byCount[(count << 4) | c] = limit(byCount[(count << 4) | c] + step, 24000)
      byActivity[activityAt | c] = limit(byActivity[activityAt | c] + step, 24000)
      byTexture[textureAt | c] = limit(byTexture[textureAt | c] + 2 * step, 24000)
      byGuess[guessAt | c] = limit(byGuess[guessAt | c] + step, 24000)
      if (count < MOST) slots[used[c]]++
    }
  }

  /** @param {number} pace */
  learnBiases(pace) {
    const { biases, biasUsed, rates, errors } = this
    this.setRates(pace)
    const at0 = biasUsed[0] << 3
    const at1 = biasUsed[1] << 3
    const at2 = biasUsed[2] << 3
    const at3 = biasUsed[3] << 3
    const at4 = biasUsed[4] << 3
    const at5 = biasUsed[5] << 3
    const rate0 = rates[0]
    const rate1 = rates[1]
    const rate2 = rates[2]
    const rate3 = rates[3]
    const rate4 = rates[4]
    const rate5 = rates[5]
    for (let i = 0; i < 8; i++) {
      const error = errors[2 * i]
      const next = errors[2 * i + 1]
      if ((error | next) === 0) continue
      biases[at0 | i] = learned(biases[at0 | i], error, next, rate0)
      biases[at1 | i] = learned(biases[at1 | i], error, next, rate1)
      biases[at2 | i] = learned(biases[at2 | i], error, next, rate2)
      biases[at3 | i] = learned(biases[at3 | i], error, next, rate3)
      biases[at4 | i] = learned(biases[at4 | i], error, next, rate4)
      biases[at5 | i] = learned(biases[at5 | i], error, next, rate5)
    }
    for (let j = 6; j < biasUsed.length; j++) {
      const at = biasUsed[j] << 3
      const rate = rates[j]
      for (let i = 0; i < 8; i++) biases[at | i] = learned(biases[at | i], errors[2 * i], errors[2 * i + 1], rate)
    }
  }

  /**
   * How fast each row of biases learns.
   * @param {number} pace
   */
  setRates(pace) {
    const { biasUsed, biasCounts, rates, nibbles } = this
    const time = nibbles >> 6
    const share = (Math.imul(this.ease, time + 5) / (time + 16)) | 0
    const common = Math.imul(pace, share) >> 5
    for (let j = 0; j < biasUsed.length; j++) {
      const row = biasUsed[j]
      const count = biasCounts[row]
      rates[j] = Math.imul(common, BIAS_RATE[count]) >> 9
      if (count < 255) biasCounts[row] = count + 1
    }
  }

  /**
   * @param {number} activityAt
   * @param {number} textureAt
   * @param {number} z
   */
  learnHits(activityAt, textureAt, z) {
    const { hitSymbol, hitUsed, hitStretch, hitProbability, hitByActivity, hitByTexture, errors } = this
    for (let i = 0; i < hitSymbol.length; i++) {
      const symbol = hitSymbol[i]
      if (symbol < 0) continue
      const step = Math.imul(Math.imul(errors[symbol], hitStretch[i]) >> 14, 400) >> 10
      hitByActivity[activityAt + i] = limit(hitByActivity[activityAt + i] + step, 1 << 20)
      hitByTexture[textureAt + i] = limit(hitByTexture[textureAt + i] + step, 1 << 20)
      const p = hitProbability[hitUsed[i]]
      hitProbability[hitUsed[i]] = symbol === z ? p + ((65535 - p) >> 6) : p - (p >> 6)
    }
  }
}

/**
 * The weight by_count of a context at first.
 * @param {number} contexts
 * @param {number} count
 */
export function weightOf(contexts, count) {
  return Math.floor((Math.floor(15000 / contexts) * (10 * count + 4)) / (10 * count + 12))
}

/**
 * @param {number} count
 * @param {number} k
 */
function makeBiases(count, k) {
  const biases = new Int32Array(count * BIAS_ROWS * 8).fill(BIAS_ZERO * TWICE)
  const add = (/** @type {number} */ row, /** @type {number} */ y, /** @type {number} */ bias) => {
    biases[(row << 3) | (y >> 1)] += bias << (16 * (y & 1))
  }
  for (let j = 0; j < count; j++) {
    for (let v = 0; v < k; v++) {
      add(j * BIAS_ROWS + v, k > 16 ? v >> 4 : v, 500)
      add(j * BIAS_ROWS + 256 + v, v & 15, 1000)
    }
  }
  return biases
}

/**
 * (a + b) >> 6 of two pairs of biases, each greater by BIAS_ZERO >> 5 than without the zero that is added to biases.
 * @param {number} a
 * @param {number} b
 */
function pairOfBiases(a, b) {
  return ((a + b) >>> 6) & 0x03ff03ff
}

/**
 * Two biases after a symbol with these errors.
 * @param {number} pair
 * @param {number} error
 * @param {number} next
 * @param {number} rate
 */
function learned(pair, error, next, rate) {
  const low = Math.imul(error, rate) >> 16
  const high = Math.imul(next, rate) >> 16
  const sum = (pair + (high << 16) + low) | 0
  // Whether one of them is outside its bounds, which is rare: then one of these differences is negative.
  return ((sum - PAIR_LEAST) | (PAIR_MOST - sum)) & SIGNS ? bounded(pair, low, high) : sum
}

/**
 * A function of its own: what is rare would keep `learned` from being inlined.
 * @param {number} pair
 * @param {number} low
 * @param {number} high
 */
function bounded(pair, low, high) {
  const bound = (/** @type {number} */ bias) => Math.max(BIAS_LEAST, Math.min(bias, BIAS_MOST))
  return bound((pair & 0xffff) + low) | (bound((pair >> 16) + high) << 16)
}

/**
 * The logarithm of a symbol that occurred.
 * @param {number} log
 * @param {number} count
 */
function risen(log, count) {
  return Math.min(log + RISE[count * RISE_ROW + ((-LEAST - log) >> 6)], -LEAST)
}

/**
 * max(log - decay, 0) of two logarithms. Their highest bits, set before, tell whether they have become negative.
 * @param {number} pair
 * @param {number} decay the same twice
 */
function fallen(pair, decay) {
  const difference = (pair | SIGNS) - decay
  const positive = difference & SIGNS
  return difference & (positive - (positive >>> 15))
}

/**
 * @param {number} v
 * @param {number} most
 */
function limit(v, most) {
  return v > most ? most : v < -most ? -most : v
}
