/** A decoder for KPAL images. */
export { decode, decodeFrame, frames, inspect, MAX_PIXELS } from './decode.js'
export { KpalError } from './errors.js'
export { toImageData, toRGBA } from './image-data.js'
export { toPNG } from './png.js'

/** @typedef {import('./decode.js').Decoded} Decoded */
/** @typedef {import('./decode.js').DecodedFrame} DecodedFrame */
/** @typedef {import('./decode.js').Frame} Frame */
/** @typedef {import('./decode.js').DecodeOptions} DecodeOptions */
/** @typedef {import('./decode.js').Region} Region */
/** @typedef {import('./container.js').Head} Head */
/** @typedef {import('./metadata.js').Metadata} Metadata */
/** @typedef {import('./errors.js').ErrorKind} ErrorKind */
