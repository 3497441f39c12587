/** LEVEL of section 5.2.1 of the specification: a number from 0 to 4095, logarithmically, from 0 to 15. */
export const LEVEL: Uint8Array<ArrayBuffer>;
