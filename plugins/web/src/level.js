/** LEVEL of section 5.2.1 of the specification: a number from 0 to 4095, logarithmically, from 0 to 15. */
export const LEVEL = Uint8Array.from({ length: 4096 }, (_, i) => {
  const power = (i + 1) ** 4 // up to 2^48, exact
  const bits = power < 2 ** 32 ? 32 - Math.clz32(power) : 64 - Math.clz32(power / 2 ** 32)
  return Math.min(15, Math.floor((bits - 1) / 3))
})
