/**
 * The cells of a tile and the neighbours of the current pixel, sections 5.2.4 and 5.2.9 of the specification: a ring of
 * frames, and behind it room for a frame whose blocks have moved.
 */

/** What a match may read, at most, behind the row that is behind the ring. */
const MARGIN = 64
const RING = 2 ** 24

export class Neighbourhood {
  /**
   * @param {number} width
   * @param {number} height
   * @param {number} frames
   */
  constructor(width, height, frames) {
    this.width = width
    this.height = height
    this.frames = frames
    this.stride = width + 16
    /** How many cells a frame takes. */
    this.size = (height + 3) * this.stride
    /** How many frames the ring holds. */
    this.slots = frames === 1 ? 1 : Math.max(2, Math.min(frames, Math.floor(RING / this.size) - 1))
    this.canMove = frames > 1 && 3 * this.size <= RING
    /** Where the plane of moved blocks begins. */
    this.plane = this.slots * this.size + 2 * this.stride + MARGIN
    this.cells = new Uint8Array(frames === 1 ? this.size : this.plane + (this.canMove ? this.size + this.stride : 0))
    /** The position of the first pixel of the frame at hand. */
    this.base = 3 * this.stride + 8
    this.isFirst = true
    this.x = 0
    this.y = 0
    this.at = 0
    this.w = 0
    this.ww = 0
    this.www = 0
    this.n = 0
    this.nw = 0
    this.nww = 0
    this.nwww = 0
    this.ne = 0
    this.nee = 0
    this.neee = 0
    this.nn = 0
    this.nnw = 0
    this.nne = 0
    this.nnee = 0
    this.flat = 0
    this.equal = 0
    this.run = 0
  }

  /** @param {number} y */
  startRow(y) {
    const { cells, stride } = this
    const start = this.base + y * stride
    cells.fill(cells[start - stride], start - 4, start)
    this.y = y
  }

  endRow() {
    const { cells, stride, width } = this
    const end = this.base + this.y * stride + width
    cells.fill(cells[end - 1], end, end + 4)
  }

  /**
   * Looks around the pixel at column x of the row.
   * @param {number} x
   */
  look(x) {
    const { cells, stride } = this
    const at = this.base + this.y * stride + x
    const above = at - stride
    const above2 = above - stride
    const w = (this.w = cells[at - 1])
    const ww = (this.ww = cells[at - 2])
    const n = (this.n = cells[above])
    const nw = (this.nw = cells[above - 1])
    const nww = (this.nww = cells[above - 2])
    const ne = (this.ne = cells[above + 1])
    const nee = (this.nee = cells[above + 2])
    const nn = (this.nn = cells[above2])
    const nne = (this.nne = cells[above2 + 1])
    this.www = cells[at - 3]
    this.nwww = cells[above - 3]
    this.neee = cells[above + 3]
    this.nnw = cells[above2 - 1]
    this.nnee = cells[above2 + 2]
    this.x = x
    this.at = at
    this.flat = w === n && w === nw && w === ne ? 1 : 0
    this.equal = same(ww, w) | (same(nn, n) << 1) | (same(nee, ne) << 2) | (same(nne, ne) << 3) | (same(nww, nw) << 4)
    this.run = x === 0 || w !== ww ? 0 : this.run + 1
  }

  /**
   * Stores `count` pixels from the current one on.
   * @param {number} rank
   * @param {number} count
   */
  put(rank, count) {
    const { cells, at, stride } = this
    if (count === 1) cells[at] = rank
    else cells.fill(rank, at, at + count)
    if (this.y === 0 && this.isFirst) {
      // The rows above the first one follow it, three cells ahead.
      cells.fill(rank, at - stride + 1, at - stride + count + 3)
      cells.fill(rank, at - 2 * stride + 1, at - 2 * stride + count + 3)
    }
  }
}

/**
 * 1 if equal, else 0, without a branch.
 * @param {number} a
 * @param {number} b
 */
export function same(a, b) {
  return ((a ^ b) - 1) >>> 31
}
