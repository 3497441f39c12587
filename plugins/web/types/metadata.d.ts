/**
 * Only what the file has is set. Without an ICC profile, colours are sRGB.
 * @typedef {object} Metadata
 * @property {Uint8Array} [icc] an ICC profile of an RGB colour space
 * @property {Uint8Array} [exif] an Exif block, perhaps preceded by `Exif\0\0`
 * @property {Uint8Array} [xmp] an XMP packet
 * @property {Map<string, string>} [text] texts by their keywords, in the order of the file
 * @property {[number, number]} [density] pixels per metre, horizontally and vertically
 */
/**
 * @param {Uint8Array} header
 * @param {Uint8Array} stored the parts, plain or as a frame
 * @returns {Metadata}
 */
export function readMetadata(header: Uint8Array, stored: Uint8Array): Metadata;
/**
 * Only what the file has is set. Without an ICC profile, colours are sRGB.
 */
export type Metadata = {
    /**
     * an ICC profile of an RGB colour space
     */
    icc?: Uint8Array<ArrayBufferLike> | undefined;
    /**
     * an Exif block, perhaps preceded by `Exif\0\0`
     */
    exif?: Uint8Array<ArrayBufferLike> | undefined;
    /**
     * an XMP packet
     */
    xmp?: Uint8Array<ArrayBufferLike> | undefined;
    /**
     * texts by their keywords, in the order of the file
     */
    text?: Map<string, string> | undefined;
    /**
     * pixels per metre, horizontally and vertically
     */
    density?: [number, number] | undefined;
};
