/**
 * @param {DecodedFrame} first
 * @param {Iterable<DecodedFrame>} others
 */
export function animationChunks(first: DecodedFrame, others: Iterable<DecodedFrame>): Promise<Uint8Array<ArrayBufferLike>[]>;
export type DecodedFrame = import("./decode.js").DecodedFrame;
export type Region = import("./decode.js").Region;
