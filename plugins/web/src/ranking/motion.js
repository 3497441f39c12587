/** Motion in the coder `fast`, section 5.3.7 of the specification: frames some of whose blocks come from elsewhere. */
import { BLOCK, MOTION } from './frame-contexts.js'

const SIZE = 16 // rows and columns of a block
const MOST_CELLS = 2 ** 24

/**
 * Whether tiles of this size can have motion.
 * @param {number} pixels of a frame
 */
export function canMove(pixels) {
  return 3 * pixels <= MOST_CELLS
}

export class Motion {
  /**
   * @param {import('./decisions.js').Decisions} decisions
   * @param {number} width
   * @param {number} height
   */
  constructor(decisions, width, height) {
    this.decisions = decisions
    this.width = width
    this.height = height
    this.across = Math.ceil(width / SIZE)
    this.moves = 0
    /** The number of each block: 0 if it stays, else that of a vector. */
    this.blocks = new Uint8Array(this.across * Math.ceil(height / SIZE))
    /** @type {number[]} */
    this.dx = []
    /** @type {number[]} */
    this.dy = []
  }

  /** Decodes the motion of the next frame. Returns 1 if there is any, else 0. */
  read() {
    const { decisions, blocks, across } = this
    this.moves = decisions.flag(MOTION + this.moves)
    if (!this.moves) return 0
    const count = 1 + decisions.raw(2)
    this.dx = [0]
    this.dy = [0]
    for (let i = 1; i <= count; i++) {
      this.dx.push(decisions.raw(13) - 4096)
      this.dy.push(decisions.raw(13) - 4096)
    }
    for (let i = 0; i < blocks.length; i++) {
      const above = i < across ? 0 : blocks[i - across]
      blocks[i] = this.block(count, above, i % across === 0 ? 0 : blocks[i - 1])
    }
    return 1
  }

  /**
   * @param {number} count
   * @param {number} above
   * @param {number} left
   */
  block(count, above, left) {
    const { decisions } = this
    if (above === left) {
      if (decisions.flag(BLOCK + (left > 0 ? 1 : 0))) return left
    } else {
      if (decisions.flag(BLOCK + 2)) return above
      if (decisions.flag(BLOCK + 3)) return left
    }
    for (let i = 0; i < count; i++) if (i !== above && i !== left && decisions.flag(BLOCK + 4 + i)) return i
    return count
  }

  /**
   * Makes the moved frame.
   * @param {Uint8Array} cells
   * @param {number} stride
   * @param {number} from the position of the first pixel of the frame before
   * @param {number} to the same of the moved frame
   */
  move(cells, stride, from, to) {
    const { width, height, across, blocks, dx, dy } = this
    for (let y = 0; y < height; y++) {
      const row = y * stride
      cells.copyWithin(to + row, from + row, from + row + width)
      for (let left = 0, i = (y >> 4) * across; left < width; left += SIZE, i++) {
        const number = blocks[i]
        if (number === 0) continue
        const source = from + Math.max(0, Math.min(y + dy[number], height - 1)) * stride
        const right = Math.min(left + SIZE, width)
        for (let x = left; x < right; x++) cells[to + row + x] = cells[source + Math.max(0, Math.min(x + dx[number], width - 1))]
      }
    }
  }
}
