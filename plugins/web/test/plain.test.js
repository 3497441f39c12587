/** The tests of vectors once more, where there is no WebAssembly. */
// @ts-ignore
globalThis.WebAssembly = undefined
await import('./vectors.test.js')
