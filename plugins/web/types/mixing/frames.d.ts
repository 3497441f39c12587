export class LaterFrames {
    /** @param {import('./tile.js').MixingTile} tile whose first frame is decoded */
    constructor(tile: import("./tile.js").MixingTile);
    tile: import("./tile.js").MixingTile;
    number: number;
    sameFrames: number;
    answers: number;
    motion: Motion | null;
    /** From a pixel to its place in the reference, and in the frame two before. */
    back: number;
    backTwice: number;
    calm: number;
    lastChange: number;
    changing: number;
    broken: number;
    newsEnd: number;
    uniformEnd: number;
    p: number;
    pp: number;
    moved: number;
    /** Decodes the next frame. */
    next(): void;
    /** Whether the frame is the same as the one before. */
    isSame(): 0 | 1;
    /** What comes before the rows. */
    begin(): void;
    /**
     * Sets the rows around the reference, and above the frame at hand.
     * @param {number} reference where it begins
     * @param {number} now where the frame begins
     */
    setMargins(reference: number, now: number): void;
    /** Decodes the current pixel, or a span from it on. Returns how many pixels these are. */
    pixels(): number;
    /** The same by flags, where nothing around the pixel has moved. Returns 0 if they do not decide it. */
    still(): number;
    /**
     * Notes whether the pixels just decoded are as in the reference.
     * @param {number} count
     */
    compare(count: number): void;
    /** The distance to the last change in this row, as a level. */
    since(): number;
    /** Finds the next column, two or more ahead, in which the row above differs from the reference. */
    findChanging(): void;
    /** Tries to decode a span of pixels that are all as in the reference. Returns how many there are, 0 if none. */
    skipped(): number;
    /** The next column in which P = PP is not what it is here. */
    findNewsEnd(): number;
    /**
     * Whether `span` cells of the reference are all the same.
     * @param {number} span
     */
    isUniform(span: number): 0 | 1;
    /**
     * @param {number} span
     * @param {number} whole
     */
    isSkipped(span: number, whole: number): 0 | 1;
    /**
     * Whether the cells from the match on are those of the reference: 0 without a match, 1 if so, else 2.
     * @param {number} span
     */
    follows(span: number): 0 | 1 | 2;
    /**
     * How many of the cells below differ between the reference and the frame two before, as a level.
     * @param {number} span
     */
    below(span: number): number;
    /** Whether the pixel is P, when nothing around it has moved. */
    isStill(): 0 | 1;
    /**
     * Adds to the keys of a flag for a span of pixels that are all W.
     * @param {number} span
     */
    addSpanKeys(span: number): void;
    /** Adds to the keys of a flag for a single pixel that is the candidate. */
    addSingleKeys(): void;
    /** Tells the mixer what is around the pixel, and around its place in the reference. */
    setContexts(): void;
}
import { Motion } from './motion.js';
