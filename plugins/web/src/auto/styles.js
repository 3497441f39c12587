/**
 * Images of style sheets and `style` attributes: backgrounds, borders, masks, list markers, cursors, `content`.
 *
 * Nothing tells that such an image could not be shown. But the browser reports each one that it fetches, so those that are
 * not on any visible element cost nothing here either. Whether it could show them is tried with an `Image`, which does
 * not fetch them again. URLs of KPAL files are then replaced in all style sheets and `style` attributes.
 */
import { absolute, hasName, isData, isKpalData } from './address.js'

/** @typedef {import('./cache.js').Cache} Cache */

const URLS = /\burl\(\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([^"')\s]*))\s*\)/gs
const NO_IMAGES = /^[^?#]*\.(css|woff2?|ttf|otf|eot)([?#]|$)/i

export class Styles {
  /**
   * @param {Cache} cache
   * @param {() => Iterable<Document | ShadowRoot>} roots
   * @param {(url: string) => Promise<boolean>} canShow whether the browser itself can show an image
   */
  constructor(cache, roots, canShow) {
    this.cache = cache
    this.roots = roots
    this.canShow = canShow
    /** @type {Set<string>} URLs that have been tried */
    this.seen = new Set()
    /** @type {Set<string>} other URLs in style sheets, which may have been fetched for an `<img>` */
    this.wanted = new Set()
    /** @type {Set<string>} URLs that turned out to be KPAL files */
    this.found = new Set()
    /** @type {Set<WeakRef<Element>>} elements with changed `style` attributes */
    this.elements = new Set()
    this.observer = new PerformanceObserver((list) => {
      for (const { name, initiatorType } of /** @type {PerformanceResourceTiming[]} */ (list.getEntries())) {
        if (initiatorType === 'css') this.fetched(name)
      }
    })
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined
  }

  start() {
    this.observer.observe({ type: 'resource', buffered: true })
    this.refresh()
  }

  /**
   * The browser has fetched something for a style sheet.
   * @param {string} url
   */
  async fetched(url) {
    if (NO_IMAGES.test(url) || this.cache.originals.has(url) || this.seen.has(url)) return
    this.seen.add(url)
    if (hasName(url) || !(await this.canShow(url))) await this.find(url)
  }

  /** @param {string} url */
  async find(url) {
    this.seen.add(url)
    try {
      await this.cache.get(url).image
      this.found.add(url)
    } catch (error) {
      if (hasName(url) || isData(url)) console.warn(`kpal: ${/** @type {Error} */ (error).message}`)
    }
  }

  /** @param {string} url */
  converted(url) {
    if (this.wanted.has(url) || this.seen.has(url)) this.refreshSoon()
  }

  refreshSoon() {
    this.timer ??= setTimeout(() => this.refresh())
  }

  refresh() {
    clearTimeout(this.timer)
    this.timer = undefined
    for (const root of this.roots()) {
      for (const sheet of [...root.styleSheets, ...(root.adoptedStyleSheets ?? [])]) this.changeSheet(sheet)
      for (const element of root.querySelectorAll('[style*="url("]')) this.changeElement(element)
    }
  }

  /** @param {CSSStyleSheet} sheet */
  changeSheet(sheet) {
    if (sheet.disabled) return
    try {
      this.changeRules(sheet.cssRules, sheet.href ?? document.baseURI)
    } catch {
      // It is from another origin.
    }
  }

  /**
   * @param {CSSRuleList} rules
   * @param {string} base
   */
  changeRules(rules, base) {
    for (const rule of /** @type {Iterable<any>} */ (rules)) {
      if (rule.styleSheet) this.changeSheet(rule.styleSheet)
      if (rule.cssRules) this.changeRules(rule.cssRules, base)
      if (rule.style && !(rule instanceof CSSFontFaceRule)) this.changeStyle(rule.style, base, undefined)
    }
  }

  /** @param {Element} element */
  changeElement(element) {
    const { style } = /** @type {HTMLElement} */ (element)
    if (style && this.changeStyle(style, document.baseURI, element)) this.elements.add(new WeakRef(element))
  }

  /**
   * @param {CSSStyleDeclaration} style
   * @param {string} base
   * @param {Element | undefined} element
   */
  changeStyle(style, base, element) {
    const text = style.cssText
    if (!text.includes('url(')) return false
    const changed = replaceUrls(text, (url) => this.replacement(absolute(url, base), element))
    if (changed === text) return false
    style.cssText = changed
    return true
  }

  /**
   * @param {string} url
   * @param {Element | undefined} element
   */
  replacement(url, element) {
    if (this.cache.originals.has(url)) return undefined
    // The browser does not report these, and they cost little.
    const isLocal = isKpalData(url) || url.startsWith('blob:')
    if (isLocal && !this.seen.has(url)) this.find(url)
    const entry = this.cache.entries.get(url)
    if (!entry?.objectUrl) {
      // It was shown before, but nothing used it any more.
      if (!entry && this.found.delete(url)) this.find(url)
      if (!isData(url)) this.wanted.add(url)
      return undefined
    }
    if (element) this.cache.use(entry, element)
    else entry.inSheets = true
    return entry.objectUrl
  }

  /**
   * @param {Element} element
   * @param {import('./cache.js').Entry} entry
   */
  uses(element, entry) {
    const { style } = /** @type {HTMLElement} */ (element)
    return element.isConnected && entry.objectUrl !== undefined && !!style?.cssText.includes(entry.objectUrl)
  }

  stop() {
    clearTimeout(this.timer)
    this.observer.disconnect()
    const original = (/** @type {string} */ url) => this.cache.originals.get(url)
    this.replacement = original
    this.refresh()
    for (const reference of this.elements) {
      const element = reference.deref()
      if (element) this.changeElement(element)
    }
  }
}

/**
 * @param {string} text
 * @param {(url: string) => string | undefined} replacement
 */
function replaceUrls(text, replacement) {
  return text.replace(URLS, (all, ...groups) => {
    const url = groups.slice(0, 3).find((group) => group !== undefined) ?? ''
    const other = replacement(url.replace(/\\([0-9a-f]{1,6})\s?|\\(.)/gi, unescape))
    return other === undefined ? all : `url(${JSON.stringify(other)})`
  })
}

/**
 * @param {string} _
 * @param {string | undefined} hex
 * @param {string | undefined} character
 */
function unescape(_, hex, character) {
  return hex ? String.fromCodePoint(parseInt(hex, 16)) : (character ?? '')
}
