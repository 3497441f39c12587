/**
 * @param {DecodedFrame} first
 * @param {Iterable<DecodedFrame>} others
 * @param {boolean} compress
 */
export function animationChunks(first: DecodedFrame, others: Iterable<DecodedFrame>, compress: boolean): Promise<Uint8Array<ArrayBufferLike>[]>;
export type DecodedFrame = import("./decode.js").DecodedFrame;
export type Region = import("./decode.js").Region;
