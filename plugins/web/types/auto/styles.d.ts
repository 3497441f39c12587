export class Styles {
    /**
     * @param {Cache} cache
     * @param {() => Iterable<Document | ShadowRoot>} roots
     * @param {(url: string) => Promise<boolean>} canShow whether the browser itself can show an image
     */
    constructor(cache: Cache, roots: () => Iterable<Document | ShadowRoot>, canShow: (url: string) => Promise<boolean>);
    cache: import("./cache.js").Cache;
    roots: () => Iterable<Document | ShadowRoot>;
    canShow: (url: string) => Promise<boolean>;
    /** @type {Set<string>} URLs that have been tried */
    seen: Set<string>;
    /** @type {Set<string>} other URLs in style sheets, which may have been fetched for an `<img>` */
    wanted: Set<string>;
    /** @type {Set<string>} URLs that turned out to be KPAL files */
    found: Set<string>;
    /** @type {Set<WeakRef<Element>>} elements with changed `style` attributes */
    elements: Set<WeakRef<Element>>;
    observer: PerformanceObserver;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    timer: ReturnType<typeof setTimeout> | undefined;
    start(): void;
    /**
     * The browser has fetched something for a style sheet.
     * @param {string} url
     */
    fetched(url: string): Promise<void>;
    /** @param {string} url */
    find(url: string): Promise<void>;
    /** @param {string} url */
    converted(url: string): void;
    refreshSoon(): void;
    refresh(): void;
    /** @param {CSSStyleSheet} sheet */
    changeSheet(sheet: CSSStyleSheet): void;
    /**
     * @param {CSSRuleList} rules
     * @param {string} base
     */
    changeRules(rules: CSSRuleList, base: string): void;
    /** @param {Element} element */
    changeElement(element: Element): void;
    /**
     * @param {CSSStyleDeclaration} style
     * @param {string} base
     * @param {Element | undefined} element
     */
    changeStyle(style: CSSStyleDeclaration, base: string, element: Element | undefined): boolean;
    /**
     * @param {string} url
     * @param {Element | undefined} element
     */
    replacement(url: string, element: Element | undefined): string | undefined;
    /**
     * @param {Element} element
     * @param {import('./cache.js').Entry} entry
     */
    uses(element: Element, entry: import("./cache.js").Entry): boolean;
    stop(): void;
}
export type Cache = import("./cache.js").Cache;
