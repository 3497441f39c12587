/** @typedef {import('./cache.js').Cache} Cache */
/** @typedef {import('./cache.js').Entry} Entry */
/** @typedef {'pending' | 'shown' | 'failed'} Phase */
/**
 * @typedef {object} State
 * @property {string} url that the browser chose
 * @property {Phase} phase
 * @property {boolean} missed whether the page has already seen the `error` event
 * @property {Entry} entry
 * @property {boolean} loaded whether what is shown instead has been loaded
 * @property {Promise<void>} finished once it is loaded, or will never be
 * @property {() => void} finish
 */
/**
 * What has been written over an attribute.
 * @typedef {object} Written
 * @property {string | null} original
 * @property {string | null} value
 */
export const SELECTOR: "img, image, feImage, input[type=image i]";
export class Images {
    /** @param {Cache} cache */
    constructor(cache: Cache);
    cache: import("./cache.js").Cache;
    /** @type {WeakMap<Element, State>} */
    states: WeakMap<Element, State>;
    /** @type {WeakMap<Element, Map<string, Written>>} */
    written: WeakMap<Element, Map<string, Written>>;
    /** @type {WeakMap<Element, Map<string, string>>} for each image, what stands for the URLs in its attributes */
    replaced: WeakMap<Element, Map<string, string>>;
    /** @type {Set<WeakRef<Element>>} all elements with written attributes, to restore them */
    touched: Set<WeakRef<Element>>;
    /** @type {Map<string, string>} object URLs of transparent images, by their size */
    placeholders: Map<string, string>;
    /** @type {WeakSet<Element>} */
    known: WeakSet<Element>;
    /** @type {WeakSet<Element>} images that are only tried */
    ignored: WeakSet<Element>;
    /** @param {Event} event */
    onError(event: Event): void;
    /** @param {Event} event */
    onLoad(event: Event): void;
    /**
     * Listens to the events of all elements in a document or shadow root.
     * @param {EventTarget} root
     */
    listen(root: EventTarget): void;
    /** @param {EventTarget} root */
    unlisten(root: EventTarget): void;
    /**
     * An element that is new, or has a new address: its error may have been missed.
     * @param {Element} element
     * @param {boolean} [late] whether it may have been there before anything listened to its events
     */
    examine(element: Element, late?: boolean): void;
    /**
     * @param {Element} element
     * @param {string} url
     */
    tryLate(element: Element, url: string): Promise<void>;
    /**
     * The page may have given an element another address.
     * @param {Element} element
     */
    checkAddress(element: Element): void;
    /**
     * The URL of an element's own choice, and not of what is shown instead of it.
     * @param {Element} element
     */
    chosen(element: Element): string;
    /**
     * Whether it is worth a look. That the server had no such file is often known already.
     * @param {string} url
     */
    mayBeKpal(url: string): boolean;
    /**
     * Browsers skip a `<source>` of a type that they do not know.
     * @param {HTMLSourceElement} source
     */
    supportType(source: HTMLSourceElement): void;
    /**
     * An address of which it is sure that the browser will load it and fail.
     * @param {HTMLImageElement} image
     */
    foreseen(image: HTMLImageElement): string | undefined;
    /**
     * A script has just set an address, for which the browser has not asked yet.
     * @param {HTMLImageElement} image
     */
    beginEarly(image: HTMLImageElement): void;
    /**
     * @param {Element} element
     * @param {string} url
     * @param {boolean} missed
     */
    begin(element: Element, url: string, missed: boolean): void;
    /**
     * @param {Element} element
     * @param {State} state
     * @param {Error} error
     */
    fail(element: Element, state: State, error: Error): void;
    /**
     * Lets an element show another URL instead of one of its own.
     * @param {Element} element
     * @param {string} url
     * @param {string | undefined} other undefined to show the URL itself
     */
    replace(element: Element, url: string, other: string | undefined): void;
    /**
     * @param {Element} element
     * @param {string} name
     */
    original(element: Element, name: string): string | null;
    /**
     * @param {Element} element
     * @param {string} name
     * @param {string | null} value
     */
    write(element: Element, name: string, value: string | null): void;
    /**
     * Forgets what was done for an element; all its attributes are its own again.
     * @param {Element} element
     * @param {boolean} [only] whether attributes that the page has changed meanwhile stay as they are
     */
    reset(element: Element, only?: boolean): void;
    /**
     * @param {Element} element
     * @param {boolean} only
     */
    restore(element: Element, only: boolean): void;
    /**
     * @param {number} width
     * @param {number} height
     */
    placeholder(width: number, height: number): string;
    /** @type {Set<string>} */
    placeholderUrls: Set<string>;
    /** @param {string} url */
    isPlaceholder(url: string): boolean;
    /**
     * @param {Element} element
     * @param {Entry} entry
     */
    uses(element: Element, entry: Entry): boolean;
    /**
     * Whether the browser itself can show an image.
     * @param {string} url
     * @returns {Promise<boolean>}
     */
    canShow(url: string): Promise<boolean>;
    /**
     * Events of an element without a document can only be caught at the element itself.
     * @param {Element} element
     */
    watch(element: Element): void;
    /** @type {Set<WeakRef<Element>>} */
    watched: Set<WeakRef<Element>>;
    stop(): void;
}
export type Cache = import("./cache.js").Cache;
export type Entry = import("./cache.js").Entry;
export type Phase = "pending" | "shown" | "failed";
export type State = {
    /**
     * that the browser chose
     */
    url: string;
    phase: Phase;
    /**
     * whether the page has already seen the `error` event
     */
    missed: boolean;
    entry: Entry;
    /**
     * whether what is shown instead has been loaded
     */
    loaded: boolean;
    /**
     * once it is loaded, or will never be
     */
    finished: Promise<void>;
    finish: () => void;
};
/**
 * What has been written over an attribute.
 */
export type Written = {
    original: string | null;
    value: string | null;
};
