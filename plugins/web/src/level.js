/** LEVEL of section 5.2.1 of the specification: a number from 0 to 4095, logarithmically, from 0 to 15. */
export const LEVEL = new Uint8Array(4096)

// The bit length of (i + 1)^4 is above 3n from i + 1 = 2^(3n / 4) on.
for (let n = 1; n < 16; n++) LEVEL.fill(n, Math.ceil(2 ** (0.75 * n)) - 1)
