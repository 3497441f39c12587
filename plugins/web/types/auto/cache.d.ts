/** The file could not be fetched, is no KPAL file, or a damaged one. */
export class NotShown extends Error {
}
/**
 * @typedef {object} Entry
 * @property {string} url
 * @property {Promise<{ width: number, height: number }>} head rejects like `image`
 * @property {Promise<string>} image an object URL of a PNG file; rejects with a NotShown
 * @property {string | undefined} objectUrl once there
 * @property {number} bytes of the PNG file
 * @property {Set<WeakRef<Element>>} users
 * @property {boolean} inSheets whether a style sheet uses it, which keeps it
 */
export class Cache {
    /**
     * @param {(element: Element, entry: Entry) => boolean} uses whether an element still shows an image
     * @param {(url: string) => void} onConverted
     */
    constructor(uses: (element: Element, entry: Entry) => boolean, onConverted: (url: string) => void);
    uses: (element: Element, entry: Entry) => boolean;
    onConverted: (url: string) => void;
    workers: Workers;
    /** @type {Map<string, Entry>} by URL, and for requests with credentials, `credentials` and the URL */
    entries: Map<string, Entry>;
    /** @type {Map<string, string>} from object URLs, even revoked ones, to those that they stand for */
    originals: Map<string, string>;
    /** @type {Set<string>} object URLs that are not revoked */
    live: Set<string>;
    /** @type {Map<string, WeakRef<Blob>>} blobs to which the page made object URLs, which it may have revoked since */
    blobs: Map<string, WeakRef<Blob>>;
    abort: AbortController;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    timer: ReturnType<typeof setTimeout> | undefined;
    /**
     * @param {string} url
     * @param {RequestCredentials} [credentials]
     * @returns {Entry}
     */
    get(url: string, credentials?: RequestCredentials): Entry;
    /**
     * @param {string} key
     * @param {string} url
     * @param {RequestCredentials} credentials
     * @returns {Entry}
     */
    load(key: string, url: string, credentials: RequestCredentials): Entry;
    /**
     * @param {string} url
     * @param {RequestCredentials} credentials
     * @param {(bytes: Uint8Array) => void} onHead called with the first bytes
     */
    fetch(url: string, credentials: RequestCredentials, onHead: (bytes: Uint8Array) => void): Promise<Uint8Array<ArrayBuffer>>;
    /**
     * @param {string} url
     * @param {Blob} blob
     */
    remember(url: string, blob: Blob): void;
    /**
     * @param {Entry} entry
     * @param {Element} element
     */
    use(entry: Entry, element: Element): void;
    /** Looks soon for images that nothing shows any more. */
    sweepSoon(): void;
    sweep(): void;
    /** @param {Entry} entry */
    isUsed(entry: Entry): boolean;
    stop(): void;
}
export type Entry = {
    url: string;
    /**
     * rejects like `image`
     */
    head: Promise<{
        width: number;
        height: number;
    }>;
    /**
     * an object URL of a PNG file; rejects with a NotShown
     */
    image: Promise<string>;
    /**
     * once there
     */
    objectUrl: string | undefined;
    /**
     * of the PNG file
     */
    bytes: number;
    users: Set<WeakRef<Element>>;
    /**
     * whether a style sheet uses it, which keeps it
     */
    inSheets: boolean;
};
import { Workers } from './workers.js';
