/** Colours and lists, section 5.3.2 of the specification: for each colour, the others in an order that adapts. */

/** More than any nearness: it puts X itself behind the others. */
const LAST = 269

/**
 * dist() of all pairs of colours a, b, at a << 8 | b.
 * @param {Uint8Array} colours
 * @param {number} k
 */
export function makeDistances(colours, k) {
  const distances = new Uint8Array(k << 8)
  for (let a = 0; a < k; a++) {
    for (let b = 0; b < a; b++) {
      const rg = Math.abs(colours[4 * a] - colours[4 * b]) + Math.abs(colours[4 * a + 1] - colours[4 * b + 1])
      const ba = Math.abs(colours[4 * a + 2] - colours[4 * b + 2]) + Math.abs(colours[4 * a + 3] - colours[4 * b + 3])
      distances[(a << 8) | b] = distances[(b << 8) | a] = (rg + ba + 3) >> 2
    }
  }
  return distances
}

export class ColourLists {
  /**
   * @param {Uint8Array} colours
   * @param {number} k
   */
  constructor(colours, k) {
    this.colours = colours
    this.k = k
    /** The colour at place p of the list of X, at X << 8 | p. */
    this.order = new Uint8Array(k << 8)
    /** The place of colour c in the list of X, at X << 8 | c. */
    this.places = new Uint8Array(k << 8)
    this.made = new Uint8Array(k)
    this.keys = new Uint16Array(k)
    this.counts = new Uint16Array(LAST + 2)
    this.mean = new Int32Array(k)
    this.used = new Int32Array(k)
  }

  /**
   * A list is made when it is first needed: of most colours, it never is.
   * @param {number} x
   */
  need(x) {
    if (this.made[x] === 0) this.make(x)
  }

  /**
   * Sorts the colours by their nearness to X, by counting.
   * @param {number} x
   */
  make(x) {
    const { k, order, places, keys, counts } = this
    const list = x << 8
    this.made[x] = 1
    counts.fill(0)
    for (let i = 0; i < k; i++) counts[(keys[i] = i === x ? LAST : this.nearness(x, i)) + 1]++
    for (let i = 1; i < counts.length; i++) counts[i] += counts[i - 1]
    for (let i = 0; i < k; i++) {
      const place = counts[keys[i]]++
      order[list | place] = i
      places[list | i] = place
    }
  }

  /**
   * The squared distance, rounded to four significant bits: e << 4 | m of the specification.
   * @param {number} x
   * @param {number} y
   */
  nearness(x, y) {
    const { colours } = this
    const r = colours[4 * x] - colours[4 * y]
    const g = colours[4 * x + 1] - colours[4 * y + 1]
    const b = colours[4 * x + 2] - colours[4 * y + 2]
    const a = colours[4 * x + 3] - colours[4 * y + 3]
    const d = 3 * Math.imul(r, r) + 4 * Math.imul(g, g) + 2 * Math.imul(b, b) + 4 * Math.imul(a, a) + 8
    const e = 28 - Math.clz32(d)
    return (e << 4) | (d >> e)
  }

  /**
   * Moves the colour at place p of the list of X towards the front, and returns it.
   * @param {number} x
   * @param {number} p
   */
  promote(x, p) {
    const { order, places } = this
    const list = x << 8
    const used = this.used[x]
    const keep = used < 32 ? 2 : used < 256 ? 4 : used < 1024 ? 6 : 7
    const q = (p * keep) >> 3
    const r = (p + q + 1) >> 1
    const a = order[list | p]
    const b = order[list | q]
    const c = order[list | r]
    order[list | p] = c
    order[list | r] = b
    order[list | q] = a
    places[list | c] = p
    places[list | b] = r
    places[list | a] = q
    return a
  }

  /**
   * Moves a colour towards the front of the list of X.
   * @param {number} x
   * @param {number} colour
   */
  promoteColour(x, colour) {
    this.need(x)
    this.promote(x, this.places[(x << 8) | colour])
  }

  /**
   * The colour at place p of the list of X, found by a symbol t.
   * @param {number} x
   * @param {number} t
   * @param {number} p
   */
  found(x, t, p) {
    this.used[x]++
    this.mean[x] += (16 * t - this.mean[x]) >> 3
    return this.promote(x, Math.min(p, this.k - 2))
  }
}
