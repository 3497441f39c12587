/**
 * @typedef {object} Answer
 * @property {Uint8Array} [png]
 * @property {string} [error] what is wrong with the file
 */
/**
 * @param {Uint8Array} bytes
 * @returns {Promise<Answer>}
 */
export function convert(bytes: Uint8Array): Promise<Answer>;
export type Answer = {
    png?: Uint8Array<ArrayBufferLike> | undefined;
    /**
     * what is wrong with the file
     */
    error?: string | undefined;
};
