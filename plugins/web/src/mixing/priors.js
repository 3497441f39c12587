/** Priors, at the end of section 5.2.7 of the specification: what a context that is new expects. */
import { far } from './guesses.js'
import { fraction, SPREAD } from './tables.js'

const NODES = 17
/** How many priors each rank has: eight widths, of 17 nodes each. */
export const PRIORS = 8 * NODES

const masses = new Int32Array(16)
const groups = new Int32Array(16)

/**
 * The prior of a node by the rank p5 and the width, made when it is first needed: sixteen logarithms.
 * @param {import('./mixer.js').Mixer} mixer
 * @param {number} node
 */
export function findPrior({ colours, k, p5, width, priors, priorsMade }, node) {
  const which = (p5 << 3) | width
  const at = (which * NODES + node) * 16
  const prior = priors.subarray(at, at + 16)
  if ((priorsMade[which] >> node) & 1) return prior
  priorsMade[which] |= 1 << node
  if (node > 0) {
    const total = setMasses(colours, k, p5, width, node - 1)
    for (let i = 0; i < 16; i++) prior[i] = fraction(masses[i], total)
  } else {
    let total = 0
    for (let high = 0; high < 16; high++) total += groups[high] = setMasses(colours, k, p5, width, high)
    for (let high = 0; high < 16; high++) prior[high] = fraction(groups[high], total)
    if (prior[0] === 0) prior[0] = -1
  }
  return prior
}

/**
 * Sets the masses of the 16 ranks below a high nibble, and returns their sum.
 * @param {Int32Array} c colours
 * @param {number} k
 * @param {number} p5
 * @param {number} width
 * @param {number} high
 */
function setMasses(c, k, p5, width, high) {
  const spread = SPREAD[width]
  const q = 4 * p5
  let sum = 0
  for (let i = 0; i < 16; i++) {
    const p = 4 * (16 * high + i)
    const distance = far(c[p] - c[q], c[p + 1] - c[q + 1], c[p + 2] - c[q + 2], c[p + 3] - c[q + 3])
    const near = ((spread << 12) / (spread + distance)) | 0
    masses[i] = p < 4 * k ? (Math.imul(near, near) >> 9) + 3 : 0
    sum += masses[i]
  }
  return sum
}
