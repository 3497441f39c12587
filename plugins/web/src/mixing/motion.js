/** Motion in the coders `mix` and `max`, section 5.2.9 of the specification: frames of blocks that come from elsewhere. */
const SIZE = 16 // rows and columns of a block
const MARK = 4 << 24

export class Motion {
  /**
   * @param {import('./flags.js').FlagModel} flags
   * @param {import('./neighbourhood.js').Neighbourhood} around
   */
  constructor(flags, around) {
    this.flags = flags
    this.around = around
    this.moving = 0
    this.across = Math.ceil(around.width / SIZE)
    this.down = Math.ceil(around.height / SIZE)
    // Maps of blocks, with a margin on all sides.
    this.stride = this.across + 2
    this.map = new Uint8Array(this.stride * (this.down + 2))
    this.last = new Uint8Array(this.map.length)
    this.dx = [0, 0, 0, 0]
    this.dy = [0, 0, 0, 0]
  }

  /** Decodes the motion of the next frame. Returns whether there is any. */
  read() {
    const now = this.flag(this.moving, this.moving & 1)
    this.moving = ((this.moving << 1) | now) & 15
    if (!now) return false
    let count = 1
    while (count < 3 && !this.flag((1 << 16) | count, (1 << 16) | count)) count++
    for (let i = 1; i <= count; i++) {
      this.dx[i] = this.component(2, i)
      this.dy[i] = this.component(3, i)
    }
    const { map } = this
    this.map = this.last
    this.last = map
    for (let y = 0; y < this.down; y++) {
      for (let x = 0; x < this.across; x++) this.block((y + 1) * this.stride + x + 1, count)
    }
    return true
  }

  /**
   * @param {number} a
   * @param {number} b
   */
  flag(a, b) {
    const { keys } = this.flags
    keys.fill(a + MARK, 0, 4)
    keys.fill(b + (1 << 20) + MARK, 4)
    return this.flags.decode(28, 1281)
  }

  /**
   * @param {number} kind
   * @param {number} i
   */
  component(kind, i) {
    let node = 1
    for (let bit = 0; bit < 10; bit++) node = 2 * node + this.flag((kind << 16) | (i << 10) | node, (kind << 16) | node)
    return node - 1536
  }

  /**
   * Decodes the number of a block.
   * @param {number} at
   * @param {number} count
   */
  block(at, count) {
    const { map, last, stride, flags } = this
    const { keys } = flags
    const sides = map[at - 1] | (map[at - stride] << 2)
    const corners = (map[at - stride + 1] << 4) | (map[at - stride - 1] << 6)
    const l = last[at]
    const ahead = l | (last[at + 1] << 2) | (last[at + stride] << 4)
    let i = 0
    for (; i < count; i++) {
      keys[0] = sides | corners | (i << 8)
      keys[1] = ahead | (i << 8)
      keys[2] = ahead | (sides << 6) | (i << 10)
      keys[3] = sides | (l << 4) | (i << 8)
      keys[4] = l | (last[at - 1] << 2) | (last[at - stride] << 4) | (i << 8)
      keys[5] = l | (i << 8)
      for (let c = 0; c < 6; c++) keys[c] += ((c + 1) << 20) + MARK
      if (flags.decode(29, 1312 + (sides | (l << 4)))) break
    }
    map[at] = i
  }

  /**
   * Makes the plane of moved blocks.
   * @param {number} slot where the frame before begins
   */
  move(slot) {
    const { map, across, down, stride, around } = this
    const { cells, plane, size } = around
    cells.copyWithin(plane, slot, slot + size)
    for (let y = 0; y < down; y++) {
      for (let x = 0; x < across; x++) {
        const number = map[(y + 1) * stride + x + 1]
        if (number) this.moveBlock(slot, x * SIZE, y * SIZE, this.dx[number], this.dy[number])
      }
    }
  }

  /**
   * @param {number} slot
   * @param {number} left
   * @param {number} top
   * @param {number} dx
   * @param {number} dy
   */
  moveBlock(slot, left, top, dx, dy) {
    const { cells, plane, width, height, stride } = this.around
    const from = Math.max(left, -dx)
    const to = Math.min(left + SIZE, width, width - dx)
    const end = Math.min(top + SIZE, height, height - dy)
    for (let y = Math.max(top, -dy); y < end; y++) {
      const row = (y + 3) * stride + 8
      const source = slot + row + dy * stride + dx
      for (let x = from; x < to; x++) cells[plane + row + x] = cells[source + x]
    }
  }
}
