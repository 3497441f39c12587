/**
 * Shows the KPAL images of a page, wherever the page shows images, from the moment on when this module is loaded:
 *
 *     <script type="module" async src="node_modules/kpal/src/auto.js"></script>
 */
import { Cache } from './auto/cache.js'
import { Images, SELECTOR } from './auto/images.js'
import { patch } from './auto/patches.js'
import { Styles } from './auto/styles.js'

/** @type {Auto | undefined} */
let running

/** Shows KPAL images from now on. Loading this module has already called it; outside of pages, it does nothing. */
export function start() {
  if (typeof document !== 'undefined') running ??= new Auto()
}

/** Stops, and restores all addresses: KPAL images no longer show. */
export function stop() {
  running?.stop()
  running = undefined
}

class Auto {
  constructor() {
    this.cache = new Cache(
      (element, entry) => this.images.uses(element, entry) || this.styles.uses(element, entry),
      (url) => this.styles.converted(url),
    )
    this.images = new Images(this.cache)
    /** @type {Set<WeakRef<ShadowRoot>>} */
    this.shadowRoots = new Set()
    /** @type {WeakSet<ShadowRoot>} */
    this.known = new WeakSet()
    this.styles = new Styles(this.cache, () => this.roots(), (url) => this.images.canShow(url))
    this.observer = new MutationObserver((records) => this.onMutations(records))
    this.unpatch = patch(this.images, this.cache, (root) => this.addShadowRoot(root))
    this.onSheetLoad = (/** @type {Event} */ event) => {
      if (/** @type {Element} */ (event.target).localName === 'link') this.styles.refreshSoon()
    }
    document.addEventListener('load', this.onSheetLoad, true)
    this.images.listen(document)
    this.observe(document)
    this.scan(document, true)
    this.styles.start()
  }

  /** @param {Document | ShadowRoot} root */
  observe(root) {
    const attributeFilter = ['src', 'srcset', 'type', 'href', 'style']
    this.observer.observe(root, { subtree: true, childList: true, attributes: true, attributeFilter })
  }

  *roots() {
    yield document
    for (const reference of this.shadowRoots) {
      const root = reference.deref()
      if (root?.host.isConnected) yield root
      else if (!root) this.shadowRoots.delete(reference)
    }
  }

  /** @param {ShadowRoot} root */
  addShadowRoot(root) {
    if (this.known.has(root)) return
    this.known.add(root)
    this.shadowRoots.add(new WeakRef(root))
    this.images.listen(root)
    this.observe(root)
    this.scan(root, true)
  }

  /**
   * Looks at all elements of a part of the page.
   * @param {Document | ShadowRoot | Element} part
   * @param {boolean} [late] whether it may have been there before anything listened to its events
   */
  scan(part, late = false) {
    if (part instanceof Element) this.look(part, late)
    for (const element of part.querySelectorAll('*')) this.look(element, late)
  }

  /**
   * @param {Element} element
   * @param {boolean} late
   */
  look(element, late) {
    if (element.shadowRoot) this.addShadowRoot(element.shadowRoot)
    if (element.matches(SELECTOR)) this.images.examine(element, late)
  }

  /** @param {MutationRecord[]} records */
  onMutations(records) {
    let styles = false
    for (const { type, target, addedNodes, removedNodes, attributeName } of records) {
      const element = /** @type {Element} */ (target)
      if (type === 'attributes') {
        if (attributeName === 'style') styles ||= !!element.getAttribute('style')?.includes('url(')
        else this.onAttribute(element, attributeName)
        continue
      }
      if (element.localName === 'style') styles = true
      if (removedNodes.length) this.cache.sweepSoon()
      for (const node of addedNodes) {
        if (!(node instanceof Element) || !node.isConnected) continue
        this.scan(node)
        styles ||= node.matches('style, [style*="url("]') || !!node.querySelector('style, [style*="url("]')
        if (node.localName === 'source') this.onAttribute(node, 'type')
      }
    }
    if (styles) this.styles.refresh()
  }

  /**
   * @param {Element} element
   * @param {string | null} name
   */
  onAttribute(element, name) {
    if (element.localName === 'source') {
      const image = element.parentElement?.querySelector('img')
      if (image) this.images.examine(image)
    } else if (element.matches(SELECTOR)) {
      if (name === 'src' && element instanceof HTMLImageElement) this.images.reset(element)
      this.images.examine(element)
      this.cache.sweepSoon()
    }
  }

  stop() {
    this.unpatch()
    this.observer.disconnect()
    document.removeEventListener('load', this.onSheetLoad, true)
    for (const root of this.roots()) this.images.unlisten(root)
    this.styles.stop()
    this.images.stop()
    this.cache.stop()
  }
}

if (typeof document !== 'undefined') start()
