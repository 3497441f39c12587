export class MixingTile {
    /**
     * @param {Uint8Array} bytes
     * @param {import('../tile.js').TileShape} shape
     * @param {'mix' | 'max'} coder
     */
    constructor(bytes: Uint8Array, { width, height, frames, colors, colours }: import("../tile.js").TileShape, coder: "mix" | "max");
    max: boolean;
    order: Uint8Array<ArrayBuffer>;
    symbols: SymbolCoder;
    decoder: import("../range-coder.js").RangeDecoder;
    around: Neighbourhood;
    match: MatchModel;
    flags: FlagModel;
    guesses: Guesses;
    /** A rank that the pixel is not, or -1. */
    excluded: number;
    /** How many frames have been decoded. */
    done: number;
    /** @type {LaterFrames | null} */
    later: LaterFrames | null;
    /** The indices of the next frame. */
    read(): Uint8Array<ArrayBuffer>;
    /** Passes over the next frame. */
    skip(): void;
    firstFrame(): void;
    /**
     * @param {number} y
     * @param {Uint8Array} indices
     */
    copyRow(y: number, indices: Uint8Array): void;
    /** Decodes the current pixel, or a span from it on. Returns how many pixels these are. */
    pixels(): number;
    /**
     * Lets flags decide whether the current pixel, or a span from it on, is the candidate, if there is one. Returns how many
     * pixels were decided, 0 if none.
     * @param {number} sure from this length on a match gives a candidate
     * @param {LaterFrames | null} later in frames after the first
     */
    flagged(sure: number, later: LaterFrames | null): number;
    /**
     * Takes note of a pixel that was decided alone. Returns 1.
     * @param {number} pixel
     */
    is(pixel: number): number;
    /** Decodes a pixel for which the contexts are set. Returns it. */
    coded(): number;
    /** Tells the mixer what is around the pixel. */
    setContexts(): void;
    /** The part of it that is the same in all frames. */
    setCommonContexts(): void;
    /** What only `max` uses. */
    setMoreContexts(): void;
}
import { SymbolCoder } from './symbols.js';
import { Neighbourhood } from './neighbourhood.js';
import { MatchModel } from './match.js';
import { FlagModel } from './flags.js';
import { Guesses } from './guesses.js';
import { LaterFrames } from './frames.js';
