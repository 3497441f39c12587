/**
 * `nibble` of src/mixing/mixer.js (sections 5.2.7 and 5.2.8 of the specification) in AssemblyScript, with vectors of 128
 * bits: sixteen symbols are two vectors of 16-bit numbers. `npm run build` makes src/mixing/kernel-code.js of it.
 *
 * Nothing is allocated here. The memory is laid out by the class Mixer in the same order as below, all offsets in bytes;
 * src/mixing/kernel.js sets the constants.
 */

// Constants. In the code, each of them would take the 16 bytes of a vector.
const LIMITS: usize = 0 // i16[6]: for sums of weights, weights, biases; each positive and negative
const LAST_EXP: usize = 12 // i16: the last index that is a difference of scores
const LEAST: usize = 16 // i16: the least logarithm
const LOWEST: usize = 18 // i16: less than any score
const ONE: usize = 20 // i16: what errors call 1
const HALF: usize = 24 // i32: what rounds steps
const FAR: usize = 32 // i32[4]: weights of R, G, B, A
const SYMBOLS: usize = 48 // i16[16]
const RATE: usize = 80 // u16[32]
const DECAY: usize = 144 // i16[32]
const LOG: usize = 208 // i16[4096]
const EXP: usize = 8400 // u16[1032]; 0 from 1024 on, for symbols that are impossible

// The tile, and the pixel.
const STATE: usize = 10464 // u32[4]: code and range, and how many bytes have been read
const NUMBERS: usize = STATE + 16 // i32[16]
const MEAN_ERRORS: usize = NUMBERS + 64 // i32[4]
const BASES: usize = MEAN_ERRORS + 16 // i32[16]
const HIT_CONTEXTS: usize = BASES + 64 // i32[8]
const HIT_SYMBOLS: usize = HIT_CONTEXTS + 32 // i32[8]
const BIAS_ROWS: usize = HIT_SYMBOLS + 32 // i32[8]

// What the stages of a nibble leave for each other.
const LOGS_AT: usize = BIAS_ROWS + 32 // of each context's slot: u32[16]
const COUNTS: usize = LOGS_AT + 64 // i32[16]
const COUNT_WEIGHTS: usize = COUNTS + 64 // i16[16]
const WEIGHTS: usize = COUNT_WEIGHTS + 32 // i16[16]
const SUMS: usize = WEIGHTS + 32 // i32[16]
const FREQUENCIES: usize = SUMS + 64 // u16[16]
const BELOW: usize = FREQUENCIES + 32 // i32[20]: sums of the frequencies of lower symbols
const ERRORS: usize = BELOW + 80 // i16[16]
const STRETCHES: usize = ERRORS + 32 // i32[8]
const MASSES: usize = STRETCHES + 32 // i32[16]
const GROUPS: usize = MASSES + 64 // i32[16]

// What is learnt. Rows of weights, biases and slots are 16 i16.
const BY_COUNT: usize = GROUPS + 64 // 32 rows
const BY_ACTIVITY: usize = BY_COUNT + 32 * 32 // 32 rows
const BY_TEXTURE: usize = BY_ACTIVITY + 32 * 32 // 1024 rows
const BY_GUESS: usize = BY_TEXTURE + 1024 * 32 // 512 rows
const HIT_BY_ACTIVITY: usize = BY_GUESS + 512 * 32 // i32[32][8]
const HIT_BY_TEXTURE: usize = HIT_BY_ACTIVITY + 32 * 32 // i32[1024][8]
const HIT_PROBABILITIES: usize = HIT_BY_TEXTURE + 1024 * 32 // u16[2][7][512]
const BIASES: usize = HIT_PROBABILITIES + 2 * 7 * 512 * 2 // 8 * 768 rows
const BIAS_COUNTS: usize = BIASES + 8 * 768 * 32 // u8[8 * 768]
const COLOURS: usize = BIAS_COUNTS + 8 * 768 // i32[256][4]
const PRIORS_MADE: usize = COLOURS + 256 * 16 // u32[256][8]
const CHECKS: usize = PRIORS_MADE + 256 * 32 // u16 for each slot: check << 5 | count

// In NUMBERS, i32 each.
const CONTEXTS: usize = NUMBERS
const HITS: usize = NUMBERS + 4
const BIAS_SETS: usize = NUMBERS + 8
const BITS: usize = NUMBERS + 12
const COLORS: usize = NUMBERS + 16
const EASE: usize = NUMBERS + 20
const PACE_A: usize = NUMBERS + 24
const PACE_B: usize = NUMBERS + 28
const LOGS: usize = NUMBERS + 32 // where the logarithms of slots are
const PRIORS: usize = NUMBERS + 36 // where priors are: rows [256][8][17]
const BYTES: usize = NUMBERS + 40 // where the bytes of the tile are
const LENGTH: usize = NUMBERS + 44 // how many
const NIBBLES: usize = NUMBERS + 48
const TIME: usize = NUMBERS + 52 // what follows from NIBBLES >> 6
const SHARE: usize = NUMBERS + 56 // likewise

const MOST = 28
const NODES = 17

/**
 * Decodes a symbol from 0 to 15: one below `count` that is not `impossible`. If slots are new, p5 and `width` tell which
 * prior they begin with.
 *
 * The stages below are inlined, and what they share stays in registers: calls would cost as much as some of them.
 */
export function nibble(
  node: i32,
  activityRow: i32,
  textureRow: i32,
  guessRow: i32,
  count: i32,
  impossible: i32,
  p5: i32,
  width: i32,
): i32 {
  const activityAt = activityRow << 5
  const textureAt = textureRow << 5
  const guessAt = guessRow << 5
  const isLow = i32(node > 0)
  const probabilitiesAt = isLow * 7 * 512 * 2
  const contexts = load<i32>(CONTEXTS)
  const hits = load<i32>(HITS) << 2
  const biases = load<i32>(BIAS_SETS) << 2
  const low = v128.load(SYMBOLS)
  const high = v128.load(SYMBOLS + 16)
  selectSlots(node, contexts, p5, width)
  setWeights(contexts, activityAt, textureAt, guessAt)

  // Scores: of biases, contexts and hits.
  let s0 = i16x8.splat(0)
  let s1 = s0
  let j = 0
  do {
    const a = load<i32>(j, BIAS_ROWS) << 5
    const b = load<i32>(j, BIAS_ROWS + 4) << 5
    s0 = i16x8.add(s0, i16x8.shr_s(i16x8.add(v128.load(a, BIASES), v128.load(b, BIASES)), 6))
    s1 = i16x8.add(s1, i16x8.shr_s(i16x8.add(v128.load(a, BIASES + 16), v128.load(b, BIASES + 16)), 6))
    j += 8
  } while (j < biases)
  let c = 0
  do {
    const at = load<usize>(c << 1, LOGS_AT)
    const weight = v128.load16_splat(c, WEIGHTS)
    s0 = i16x8.add(s0, high16(v128.load(at), weight))
    s1 = i16x8.add(s1, high16(v128.load(at, 16), weight))
    c += 2
  } while (c < contexts << 1)
  let i = 0
  do {
    const symbol = load<i32>(i, HIT_SYMBOLS)
    if (symbol >= 0) {
      const v = (<i32>load<u16>(probabilitiesAt + (load<i32>(i, HIT_CONTEXTS) << 1), HIT_PROBABILITIES) >> 4) << 1
      const stretch = <i32>load<i16>(v, LOG) - <i32>load<i16>(8190 - v, LOG)
      const weight = (load<i32>(i + activityAt, HIT_BY_ACTIVITY) + load<i32>(i + textureAt, HIT_BY_TEXTURE)) >> 4
      store<i32>(i, stretch, STRETCHES)
      const score = i16x8.splat(<i16>((clamped(weight, 8191) * stretch) >> 16))
      const lane = i16x8.splat(<i16>symbol)
      s0 = i16x8.add(s0, v128.and(score, i16x8.eq(low, lane)))
      s1 = i16x8.add(s1, v128.and(score, i16x8.eq(high, lane)))
    }
    i += 4
  } while (i < hits)

  const total = setFrequencies(s0, s1, low, high, count, impossible)
  const z = decode(total)

  // Errors, and the pace of learning.
  const inverse = min((1 << 30) / total, 32767)
  const one = v128.load16_splat(ONE)
  const scale = i16x8.splat(<i16>inverse)
  const symbol = i16x8.splat(<i16>z)
  const e0 = i16x8.sub(v128.and(one, i16x8.eq(low, symbol)), high16(v128.load(FREQUENCIES), scale))
  const e1 = i16x8.sub(v128.and(one, i16x8.eq(high, symbol)), high16(v128.load(FREQUENCIES + 16), scale))
  v128.store(ERRORS, e0)
  v128.store(ERRORS + 16, e1)
  const nibbles = load<i32>(NIBBLES) + 1
  store<i32>(NIBBLES, nibbles)
  if ((nibbles & 63) == 0) {
    const time = nibbles >> 6
    store<i32>(TIME, 6400 / (time + 32))
    store<i32>(SHARE, (load<i32>(EASE) * (time + 5)) / (time + 16))
  }
  const meanError = load<i32>(isLow << 2, MEAN_ERRORS)
  store<i32>(isLow << 2, meanError + ((<i32>load<i16>(z << 1, ERRORS)) << 4) - (meanError >> 10), MEAN_ERRORS)
  const pace = load<i32>(PACE_A) + load<i32>(PACE_B) / ((meanError >> 14) + 1024) + load<i32>(TIME)

  learnSlots(contexts, z, e0, e1)
  learnWeights(contexts, pace, activityAt, textureAt, guessAt)
  learnBiases(biases, pace, e0, e1)
  learnHits(hits, z, activityAt, textureAt, probabilitiesAt)
  return z
}

/** Finds the slot of each context, and counts that it is used. */
function selectSlots(node: i32, contexts: i32, p5: i32, width: i32): void {
  const bits = load<i32>(BITS)
  let prior: usize = 0
  let c = 0
  do {
    const h = ((load<i32>(c << 2, BASES) + node * 0x1e35a7bd) * 0x2c1b3c6d) & 0x7fffffff
    const check = ((h >>> (20 - bits)) & 0x7ff) | 1
    let slot = (c << bits) | (h >>> (31 - bits))
    let word = <i32>load<u16>(slot << 1, CHECKS)
    if (word >> 5 != check) {
      const other = <i32>load<u16>((slot ^ 1) << 1, CHECKS)
      const isOther = other >> 5 == check
      if (isOther || (other & 31) < (word & 31)) {
        slot ^= 1
        word = other
      }
      if (!isOther) {
        word = check << 5
        if (prior == 0) prior = findPrior(node, p5, width)
        const at: usize = load<i32>(LOGS) + (slot << 5)
        v128.store(at, v128.load(prior))
        v128.store(at, v128.load(prior, 16), 16)
      }
    }
    const count = word & 31
    store<u16>(slot << 1, word + i32(count < MOST), CHECKS)
    store<usize>(c << 2, load<i32>(LOGS) + (slot << 5), LOGS_AT)
    store<i32>(c << 2, count, COUNTS)
    store<i16>(c << 1, load<i16>((count << 5) + (c << 1), BY_COUNT), COUNT_WEIGHTS)
  } while (++c < contexts)
}

/** Sets the weights of all contexts. */
// @ts-ignore: decorator
@inline
function setWeights(contexts: i32, activityAt: i32, textureAt: i32, guessAt: i32): void {
  let c = 0
  do {
    const sum = i16x8.add(
      i16x8.add(quarter(v128.load(activityAt + c, BY_ACTIVITY)), quarter(v128.load(textureAt + c, BY_TEXTURE))),
      i16x8.add(quarter(v128.load(guessAt + c, BY_GUESS)), quarter(v128.load(c, COUNT_WEIGHTS))),
    )
    v128.store(c, clamp(sum, v128.load16_splat(LIMITS), v128.load16_splat(LIMITS + 2)), WEIGHTS)
    c += 16
  } while (c < contexts << 1)
}

/** Sets the frequencies of all symbols, and their sums up to each symbol; returns the sum of all. */
// @ts-ignore: decorator
@inline
function setFrequencies(s0: v128, s1: v128, low: v128, high: v128, count: i32, impossible: i32): i32 {
  const end = i16x8.splat(<i16>count)
  const without = i16x8.splat(<i16>impossible)
  const lowest = v128.load16_splat(LOWEST)
  s0 = v128.bitselect(s0, lowest, v128.andnot(i16x8.lt_s(low, end), i16x8.eq(low, without)))
  s1 = v128.bitselect(s1, lowest, v128.andnot(i16x8.lt_s(high, end), i16x8.eq(high, without)))
  let best = i16x8.max_s(s0, s1)
  best = i16x8.max_s(best, i8x16.shuffle(best, best, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7))
  best = i16x8.max_s(best, i8x16.shuffle(best, best, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11))
  best = i16x8.max_s(best, i8x16.shuffle(best, best, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13))
  setIndex(0, s0, best, lowest)
  setIndex(16, s1, best, lowest)
  let total = 0
  let i = 0
  do {
    const frequency = <i32>load<u16>(<usize>load<u16>(i, FREQUENCIES) << 1, EXP)
    store<u16>(i, frequency, FREQUENCIES)
    total += frequency
    store<i32>(i << 1, total, BELOW + 4)
    i += 2
  } while (i < 32)
  return total
}

// @ts-ignore: decorator
@inline
function decode(total: i32): i32 {
  const code = load<u32>(STATE)
  const unit = load<u32>(STATE + 4) / total
  const target = i32x4.splat(min(code / unit, total - 1))
  let z = 0
  let i = 0
  do {
    z += popcnt(i32x4.bitmask(i32x4.le_s(v128.load(i, BELOW + 4), target)))
    i += 16
  } while (i < 64)
  const below = load<i32>(z << 2, BELOW)
  const frequency = load<i32>(z << 2, BELOW + 4) - below
  narrow(code - unit * below, unit * frequency)
  return z
}

/** Slots learn, and tell how wrong they were. */
// @ts-ignore: decorator
@inline
function learnSlots(contexts: i32, z: i32, e0: v128, e1: v128): void {
  const least = v128.load16_splat(LEAST)
  let c = 0
  do {
    const at = load<usize>(c, LOGS_AT)
    const l0 = v128.load(at)
    const l1 = v128.load(at, 16)
    const count = load<i32>(c, COUNTS) << 1
    const decay = v128.load16_splat(count, DECAY)
    const log = risen(load<i16>(at + (z << 1)), count)
    v128.store(at, i16x8.max_s(i16x8.sub(l0, decay), least))
    v128.store(at, i16x8.max_s(i16x8.sub(l1, decay), least), 16)
    store<i16>(at + (z << 1), log)
    let sum = i32x4.add(i32x4.dot_i16x8_s(e0, l0), i32x4.dot_i16x8_s(e1, l1))
    sum = i32x4.add(sum, i32x4.shuffle(sum, sum, 2, 3, 0, 1))
    sum = i32x4.add(sum, i32x4.shuffle(sum, sum, 1, 0, 3, 2))
    v128.store_lane<i32>(c, sum, 0, SUMS)
    c += 4
  } while (c < contexts << 2)
}

// @ts-ignore: decorator
@inline
function learnWeights(contexts: i32, pace: i32, activityAt: i32, textureAt: i32, guessAt: i32): void {
  const fast = i32x4.splat(pace)
  const top = v128.load16_splat(LIMITS + 4)
  const bottom = v128.load16_splat(LIMITS + 6)
  let c = 0
  do {
    const step = i16x8.narrow_i32x4_s(steps(v128.load(c << 1, SUMS), fast), steps(v128.load(c << 1, SUMS + 16), fast))
    const byActivity = i16x8.add(v128.load(activityAt + c, BY_ACTIVITY), step)
    const byTexture = i16x8.add(v128.load(textureAt + c, BY_TEXTURE), i16x8.add(step, step))
    const byGuess = i16x8.add(v128.load(guessAt + c, BY_GUESS), step)
    v128.store(activityAt + c, clamp(byActivity, top, bottom), BY_ACTIVITY)
    v128.store(textureAt + c, clamp(byTexture, top, bottom), BY_TEXTURE)
    v128.store(guessAt + c, clamp(byGuess, top, bottom), BY_GUESS)
    v128.store(c, clamp(i16x8.add(v128.load(c, COUNT_WEIGHTS), step), top, bottom), COUNT_WEIGHTS)
    c += 16
  } while (c < contexts << 1)
  c = 0
  do {
    store<i16>((load<i32>(c << 1, COUNTS) << 5) + c, load<i16>(c, COUNT_WEIGHTS), BY_COUNT)
    c += 2
  } while (c < contexts << 1)
}

// @ts-ignore: decorator
@inline
function learnBiases(biases: i32, pace: i32, e0: v128, e1: v128): void {
  const common = (pace * load<i32>(SHARE)) >> 5
  const top = v128.load16_splat(LIMITS + 8)
  const bottom = v128.load16_splat(LIMITS + 10)
  let j = 0
  do {
    const row = load<i32>(j, BIAS_ROWS)
    const count = <i32>load<u8>(row, BIAS_COUNTS)
    store<u8>(row, min(count + 1, 255), BIAS_COUNTS)
    const rate = i16x8.splat(<i16>((common * (96 + 56544 / (4 * count + 109))) >> 9))
    v128.store(row << 5, clamp(i16x8.add(v128.load(row << 5, BIASES), high16(e0, rate)), top, bottom), BIASES)
    v128.store(row << 5, clamp(i16x8.add(v128.load(row << 5, BIASES + 16), high16(e1, rate)), top, bottom), BIASES + 16)
    j += 4
  } while (j < biases)
}

// @ts-ignore: decorator
@inline
function learnHits(hits: i32, z: i32, activityAt: i32, textureAt: i32, probabilitiesAt: i32): void {
  let i = 0
  do {
    const symbol = load<i32>(i, HIT_SYMBOLS)
    if (symbol >= 0) {
      const error = <i32>load<i16>(symbol << 1, ERRORS)
      const step = (((error * load<i32>(i, STRETCHES)) >> 14) * 400) >> 10
      store<i32>(activityAt + i, clamped(load<i32>(activityAt + i, HIT_BY_ACTIVITY) + step, 1 << 20), HIT_BY_ACTIVITY)
      store<i32>(textureAt + i, clamped(load<i32>(textureAt + i, HIT_BY_TEXTURE) + step, 1 << 20), HIT_BY_TEXTURE)
      const at = probabilitiesAt + (load<i32>(i, HIT_CONTEXTS) << 1)
      const p = <i32>load<u16>(at, HIT_PROBABILITIES)
      store<u16>(at, symbol == z ? p + ((65535 - p) >> 6) : p - (p >> 6), HIT_PROBABILITIES)
    }
    i += 4
  } while (i < hits)
}

/** Where the prior of a node is, section 5.2.7. */
function findPrior(node: i32, p5: i32, width: i32): usize {
  const which = (p5 << 3) | width
  const at: usize = load<i32>(PRIORS) + ((which * NODES + node) << 5)
  const made = load<i32>(which << 2, PRIORS_MADE)
  if ((made >> node) & 1) return at
  store<i32>(which << 2, made | (1 << node), PRIORS_MADE)
  let spread = 22
  while (--width >= 0) spread *= 3
  let total = 0
  let masses = GROUPS
  if (node == 0) {
    for (let high = 0; high < 16; high++) {
      const mass = group(high, p5, spread)
      store<i32>(high << 2, mass, GROUPS)
      total += mass
    }
  } else {
    total = group(node - 1, p5, spread)
    masses = MASSES
  }
  for (let i = 0; i < 16; i++) {
    const part = load<i32>(masses + (i << 2))
    let log = part == 0 ? -12288 : max(-12288, logarithm(part) - logarithm(total))
    if (log == 0 && i + node == 0) log = -1
    store<i16>(at + (i << 1), log)
  }
  return at
}

/** Sets the masses of the 16 ranks below a high nibble, and returns their sum. */
function group(high: i32, p5: i32, spread: i32): i32 {
  const guess = v128.load(p5 << 4, COLOURS)
  let sum = 0
  for (let i = 0; i < 16; i++) {
    const rank = (high << 4) | i
    let mass = 0
    if (rank < load<i32>(COLORS)) {
      const v = i32x4.sub(v128.load(rank << 4, COLOURS), guess)
      let far = i32x4.mul(i32x4.mul(v, v), v128.load(FAR))
      far = i32x4.add(far, i32x4.shuffle(far, far, 2, 3, 0, 1))
      const near = (spread << 12) / (spread + i32x4.extract_lane(far, 0) + i32x4.extract_lane(far, 1))
      mass = ((near * near) >> 9) + 3
    }
    store<i32>(i << 2, mass, MASSES)
    sum += mass
  }
  return sum
}

function logarithm(v: i32): i32 {
  const shift = max(0, 20 - clz(v))
  return <i32>load<i16>((v >> shift) << 1, LOG) + (shift << 10)
}

/** The logarithm of a symbol that occurred, given twice the count of its slot. */
// @ts-ignore: decorator
@inline
function risen(log: i32, count: i32): i32 {
  const p = ((-log >> 6) << 6) + 32
  const v = <i32>load<u16>(min(p >> 4, 1023) << 1, EXP) << 1
  const after = (v + (((65536 - v) * <i32>load<u16>(count, RATE)) >> 15)) >> 4
  return min(log + <i32>load<i16>(after << 1, LOG) + p, 0)
}

// @ts-ignore: decorator
@inline
function narrow(code: u32, range: u32): void {
  let at = load<i32>(STATE + 8)
  while (range < 1 << 24) {
    range <<= 8
    code = (code << 8) | (at < load<i32>(LENGTH) ? <u32>load<u8>(load<i32>(BYTES) + at) : 0)
    at++
  }
  store<u32>(STATE, code)
  store<u32>(STATE + 4, range)
  store<u32>(STATE + 8, at)
}

/** Sets the indices into EXP of eight scores. */
// @ts-ignore: decorator
@inline
function setIndex(at: usize, scores: v128, best: v128, lowest: v128): void {
  const behind = i16x8.min_s(i16x8.sub_sat_s(best, scores), v128.load16_splat(LAST_EXP))
  v128.store(at, i16x8.sub(behind, i16x8.eq(scores, lowest)), FREQUENCIES)
}

/** a * b >> 16. */
// @ts-ignore: decorator
@inline
function high16(a: v128, b: v128): v128 {
  const low = i32x4.extmul_low_i16x8_s(a, b)
  const high = i32x4.extmul_high_i16x8_s(a, b)
  return i16x8.shuffle(low, high, 1, 3, 5, 7, 9, 11, 13, 15)
}

// @ts-ignore: decorator
@inline
function quarter(v: v128): v128 {
  return i16x8.shr_s(v, 2)
}

// @ts-ignore: decorator
@inline
function clamp(v: v128, most: v128, least: v128): v128 {
  return i16x8.max_s(i16x8.min_s(v, most), least)
}

// @ts-ignore: decorator
@inline
function clamped(v: i32, most: i32): i32 {
  return max(min(v, most), -most)
}

/** The steps of four weights. */
// @ts-ignore: decorator
@inline
function steps(sums: v128, pace: v128): v128 {
  return i32x4.shr_s(i32x4.add(i32x4.mul(i32x4.shr_s(sums, 14), pace), v128.load32_splat(HALF)), 16)
}
