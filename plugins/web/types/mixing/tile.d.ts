export class MixingTile {
    /**
     * @param {Uint8Array} bytes
     * @param {import('../tile.js').TileShape} shape
     * @param {'mix' | 'max'} coder
     */
    constructor(bytes: Uint8Array, { width, height, frames, colors, colours }: import("../tile.js").TileShape, coder: "mix" | "max");
    max: boolean;
    order: Uint8Array<ArrayBuffer>;
    decoder: RangeDecoder;
    around: Neighbourhood;
    match: MatchModel;
    flags: FlagModel;
    guesses: Guesses;
    /** How many frames have been decoded. */
    done: number;
    /** @type {LaterFrames | null} */
    later: LaterFrames | null;
    symbols: SymbolCoder;
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
     * Decodes a pixel for which the contexts are set. Returns it.
     * @param {number} excluded a rank that it is not, or -1
     */
    coded(excluded: number): number;
    /** Tells the mixer what is around the pixel. */
    setContexts(): void;
    /** The part of it that is the same in all frames. */
    setCommonContexts(): void;
    /** What only `max` uses. */
    setMoreContexts(): void;
}
import { RangeDecoder } from '../range-coder.js';
import { Neighbourhood } from './neighbourhood.js';
import { MatchModel } from './match.js';
import { FlagModel } from './flags.js';
import { Guesses } from './guesses.js';
import { LaterFrames } from './frames.js';
import { SymbolCoder } from './symbols.js';
