/** LEVEL of section 5.2.1 of the specification: a number from 0 to 4095, logarithmically, from 0 to 15. */
export const LEVEL = makeLevel()

function makeLevel() {
  const level = new Uint8Array(4096)
  // The bit length of (i + 1)^4 is above 3n from 8^n on. All of these powers are exact in a double.
  let n = 0
  let next = 8
  for (let i = 0; i < 4096; i++) {
    const square = (i + 1) * (i + 1)
    for (; n < 15 && square * square >= next; next *= 8) n++
    level[i] = n
  }
  return level
}
