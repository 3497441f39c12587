/**
 * Elements that show an image and tell by an event when they cannot: `<img>`, with `srcset` and within `<picture>`, SVG
 * `<image>` and `<feImage>`, and `<input type=image>`.
 *
 * The browser chooses the image and loads it as it always does, lazily too, and fails. Its `error` event is held back;
 * the URL that it chose is fetched; and if that is a KPAL file, the browser is given a PNG file instead. An `<img>` gets it
 * in `srcset`, so that `src` stays what it was.
 */
import { absolute, hasName, isKpalData } from './address.js'
import { replaceCandidates } from './srcset.js'

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

export const SELECTOR = 'img, image, feImage, input[type=image i]'
const XLINK = 'http://www.w3.org/1999/xlink'
const PATIENCE_MS = 30 // a picture that takes no longer needs nothing of its size in its place
const SMALL = 2 ** 14 // pixels; for smaller pictures, making a placeholder of each size takes as long as decoding them
const TYPE = 'image/x-kpal'

export class Images {
  /** @param {Cache} cache */
  constructor(cache) {
    this.cache = cache
    /** @type {WeakMap<Element, State>} */
    this.states = new WeakMap()
    /** @type {WeakMap<Element, Map<string, Written>>} */
    this.written = new WeakMap()
    /** @type {WeakMap<Element, Map<string, string>>} for each image, what stands for the URLs in its attributes */
    this.replaced = new WeakMap()
    /** @type {Set<WeakRef<Element>>} all elements with written attributes, to restore them */
    this.touched = new Set()
    /** @type {Map<string, string>} object URLs of transparent images, by their size */
    this.placeholders = new Map()
    /** @type {WeakSet<Element>} */
    this.known = new WeakSet()
    /** @type {WeakSet<Element>} images that are only tried */
    this.ignored = new WeakSet()
    this.onError = this.onError.bind(this)
    this.onLoad = this.onLoad.bind(this)
  }

  /**
   * Listens to the events of all elements in a document or shadow root.
   * @param {EventTarget} root
   */
  listen(root) {
    root.addEventListener('error', this.onError, true)
    root.addEventListener('load', this.onLoad, true)
  }

  /** @param {EventTarget} root */
  unlisten(root) {
    root.removeEventListener('error', this.onError, true)
    root.removeEventListener('load', this.onLoad, true)
  }

  /** @param {Event} event */
  onError(event) {
    const element = event.target
    if (!(element instanceof Element) || !element.matches(SELECTOR)) return
    const state = this.states.get(element)
    if (this.cache.live.has(shownBy(element))) {
      // The page's policy forbids blob: URLs, or the image is too large for the browser.
      console.warn(`kpal: the browser does not show what ${this.chosen(element)} has become`)
      if (state) state.phase = 'failed'
      return state?.finish()
    }
    const url = this.chosen(element)
    if (!url || (state?.phase === 'failed' && state.url === url)) {
      if (state?.missed) event.stopImmediatePropagation()
      if (state) state.missed = false
      return
    }
    if (this.isPlaceholder(shownBy(element))) return event.stopImmediatePropagation()
    if (this.mayBeKpal(url)) {
      event.stopImmediatePropagation()
      this.begin(element, url, false)
    }
  }

  /** @param {Event} event */
  onLoad(event) {
    const element = event.target
    if (!(element instanceof Element) || !element.matches(SELECTOR)) return
    if (this.isPlaceholder(shownBy(element))) return event.stopImmediatePropagation()
    const state = this.states.get(element)
    if (state?.phase !== 'shown') return
    state.loaded = true
    state.finish()
  }

  /**
   * An element that is new, or has a new address: its error may have been missed.
   * @param {Element} element
   * @param {boolean} [late] whether it may have been there before anything listened to its events
   */
  examine(element, late = false) {
    if (isImg(element)) {
      for (const source of sourcesOf(element)) this.supportType(source)
      if (this.states.has(element)) this.checkAddress(element)
      else if (isComplete(element) && element.naturalWidth === 0 && element.currentSrc) {
        const url = this.chosen(element)
        if (this.mayBeKpal(url)) this.begin(element, url, true)
      } else {
        const url = this.foreseen(element)
        if (url) this.cache.get(url, credentialsOf(element)) // both requests become one in the browser's cache
      }
    } else {
      // Whether it has failed cannot be seen.
      const url = shownBy(element)
      if (!url || this.cache.originals.has(url) || this.isPlaceholder(url)) return
      if (hasName(url) || isKpalData(url)) this.begin(element, url, late)
      else if (late && this.mayBeKpal(url)) this.tryLate(element, url)
    }
  }

  /**
   * @param {Element} element
   * @param {string} url
   */
  async tryLate(element, url) {
    if (!(await this.canShow(url)) && !this.states.has(element) && shownBy(element) === url) this.begin(element, url, true)
  }

  /**
   * The page may have given an element another address.
   * @param {Element} element
   */
  checkAddress(element) {
    const written = [element, ...(isImg(element) ? sourcesOf(element) : [])].some((other) =>
      [...(this.written.get(other) ?? [])].some(([name, { value }]) => other.getAttribute(name) !== value),
    )
    if (written) this.reset(element, true)
  }

  /**
   * The URL of an element's own choice, and not of what is shown instead of it.
   * @param {Element} element
   */
  chosen(element) {
    const url = shownBy(element)
    return this.cache.originals.get(url) ?? (this.isPlaceholder(url) ? this.states.get(element)?.url ?? '' : url)
  }

  /**
   * Whether it is worth a look. That the server had no such file is often known already.
   * @param {string} url
   */
  mayBeKpal(url) {
    if (isKpalData(url)) return true
    if (/^data:/i.test(url) || !/^(https?|blob|file):/.test(url)) return false
    const timings = /** @type {PerformanceResourceTiming[]} */ (performance.getEntriesByName(url, 'resource'))
    return !(timings[timings.length - 1]?.responseStatus >= 400)
  }

  /**
   * Browsers skip a `<source>` of a type that they do not know.
   * @param {HTMLSourceElement} source
   */
  supportType(source) {
    if (source.getAttribute('type')?.trim().toLowerCase() === TYPE) this.write(source, 'type', null)
  }

  /**
   * An address of which it is sure that the browser will load it and fail.
   * @param {HTMLImageElement} image
   */
  foreseen(image) {
    const url = absolute(image.getAttribute('src') ?? '', image.baseURI)
    const chosen = isComplete(image) || image.loading === 'lazy' || image.hasAttribute('srcset') || sourcesOf(image).length > 0
    return !chosen && (hasName(url) || isKpalData(url)) ? url : undefined
  }

  /**
   * A script has just set an address, for which the browser has not asked yet.
   * @param {HTMLImageElement} image
   */
  beginEarly(image) {
    const url = this.foreseen(image)
    if (url) this.begin(image, url, false)
  }

  /**
   * @param {Element} element
   * @param {string} url
   * @param {boolean} missed
   */
  begin(element, url, missed) {
    const entry = this.cache.get(url, credentialsOf(element))
    this.cache.use(entry, element)
    this.watch(element)
    this.states.get(element)?.finish()
    /** @type {() => void} */
    let finish = () => {}
    /** @type {Promise<void>} */
    const finished = new Promise((resolve) => (finish = resolve))
    /** @type {State} */
    const state = { url, phase: 'pending', missed, entry, loaded: false, finished, finish }
    const isCurrent = () => this.states.get(element) === state && state.phase === 'pending'
    this.states.set(element, state)
    if (entry.objectUrl) {
      state.phase = 'shown'
      this.replace(element, url, entry.objectUrl)
      return
    }
    if (hasName(url)) this.replace(element, url, this.placeholder(1, 1))
    entry.head.then(
      ({ width, height }) => {
        const placeholder = () => (width * height > SMALL ? this.placeholder(width, height) : this.placeholder(1, 1))
        setTimeout(() => isCurrent() && this.replace(element, url, placeholder()), PATIENCE_MS)
      },
      () => {},
    )
    entry.image.then(
      (objectUrl) => {
        if (!isCurrent()) return
        state.phase = 'shown'
        this.replace(element, url, objectUrl)
      },
      (error) => {
        if (isCurrent()) this.fail(element, state, error)
      },
    )
  }

  /**
   * @param {Element} element
   * @param {State} state
   * @param {Error} error
   */
  fail(element, state, error) {
    state.phase = 'failed'
    if (hasName(state.url) || isKpalData(state.url)) console.warn(`kpal: ${error.message}`)
    // With its own address again, the browser tries and fails once more; if it is still there, nothing happens by itself.
    state.finish()
    if (this.replaced.get(element)?.has(state.url)) this.replace(element, state.url, undefined)
    else if (!state.missed) element.dispatchEvent(new Event('error'))
    else state.missed = false
  }

  /**
   * Lets an element show another URL instead of one of its own.
   * @param {Element} element
   * @param {string} url
   * @param {string | undefined} other undefined to show the URL itself
   */
  replace(element, url, other) {
    let replaced = this.replaced.get(element)
    if (!replaced) this.replaced.set(element, (replaced = new Map()))
    if (other) replaced.set(url, other)
    else replaced.delete(url)
    const replacement = (/** @type {string} */ text) => replaced.get(absolute(text, element.baseURI))
    if (!isImg(element)) {
      const name = addressName(element)
      return this.write(element, name, replacement(this.original(element, name) ?? '') ?? this.original(element, name))
    }
    for (const source of sourcesOf(element)) {
      const srcset = this.original(source, 'srcset')
      if (srcset) this.write(source, 'srcset', replaceCandidates(srcset, replacement))
    }
    const srcset = this.original(element, 'srcset')
    const src = replacement(element.getAttribute('src') ?? '')
    const candidates = srcset && replaceCandidates(srcset, replacement)
    // `src` counts as a candidate of density 1 unless there is another, or one with a width.
    this.write(element, 'srcset', src && candidates === srcset ? [src, ...(srcset ? [srcset] : [])].join(', ') : candidates)
  }

  /**
   * @param {Element} element
   * @param {string} name
   */
  original(element, name) {
    const written = this.written.get(element)?.get(name)
    const value = element.getAttribute(name)
    return written && written.value === value ? written.original : value
  }

  /**
   * @param {Element} element
   * @param {string} name
   * @param {string | null} value
   */
  write(element, name, value) {
    const original = this.original(element, name)
    if (element.getAttribute(name) === value) return
    let all = this.written.get(element)
    if (!all) {
      this.written.set(element, (all = new Map()))
      this.touched.add(new WeakRef(element))
    }
    if (value === original) all.delete(name)
    else all.set(name, { original, value })
    setAttribute(element, name, value)
  }

  /**
   * Forgets what was done for an element; all its attributes are its own again.
   * @param {Element} element
   * @param {boolean} [only] whether attributes that the page has changed meanwhile stay as they are
   */
  reset(element, only = true) {
    this.states.get(element)?.finish()
    this.states.delete(element)
    this.replaced.delete(element)
    for (const other of [element, ...(isImg(element) ? sourcesOf(element) : [])]) this.restore(other, only)
  }

  /**
   * @param {Element} element
   * @param {boolean} only
   */
  restore(element, only) {
    const all = this.written.get(element)
    this.written.delete(element)
    for (const [name, { original, value }] of all ?? []) {
      if (!only || element.getAttribute(name) === value) setAttribute(element, name, original)
    }
  }

  /**
   * @param {number} width
   * @param {number} height
   */
  placeholder(width, height) {
    const key = `${width} ${height}`
    let url = this.placeholders.get(key)
    if (!url) {
      const text = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"/>`
      url = URL.createObjectURL(new Blob([text], { type: 'image/svg+xml' }))
      this.placeholders.set(key, url)
      this.placeholderUrls.add(url)
    }
    return url
  }

  /** @type {Set<string>} */
  placeholderUrls = new Set()

  /** @param {string} url */
  isPlaceholder(url) {
    return this.placeholderUrls.has(url)
  }

  /**
   * @param {Element} element
   * @param {Entry} entry
   */
  uses(element, entry) {
    const state = this.states.get(element)
    // Without a document it may be a `new Image()`, which keeps what it has loaded.
    return state?.entry === entry && (element.isConnected || state.phase === 'pending')
  }

  /**
   * Whether the browser itself can show an image.
   * @param {string} url
   * @returns {Promise<boolean>}
   */
  canShow(url) {
    return new Promise((resolve) => {
      const image = new Image()
      this.ignored.add(image)
      image.onload = () => resolve(true)
      image.onerror = () => resolve(false)
      image.src = url
    })
  }

  /**
   * Events of an element without a document can only be caught at the element itself.
   * @param {Element} element
   */
  watch(element) {
    if (this.known.has(element)) return
    this.known.add(element)
    this.listen(element)
    this.watched.add(new WeakRef(element))
  }

  /** @type {Set<WeakRef<Element>>} */
  watched = new Set()

  stop() {
    for (const reference of this.touched) {
      const element = reference.deref()
      if (element) this.restore(element, true)
    }
    for (const reference of this.watched) {
      const element = reference.deref()
      if (element) this.unlisten(element)
    }
    for (const url of this.placeholderUrls) URL.revokeObjectURL(url)
  }
}

/**
 * @param {Element} element
 * @returns {element is HTMLImageElement}
 */
function isImg(element) {
  return element instanceof HTMLImageElement
}

/**
 * @param {Element} element
 * @returns {RequestCredentials}
 */
function credentialsOf(element) {
  return element.getAttribute('crossorigin') === 'use-credentials' ? 'include' : 'same-origin'
}

/**
 * The URL that an element shows or tries to show.
 * @param {Element} element
 */
function shownBy(element) {
  return isImg(element) ? element.currentSrc : absolute(address(element), element.baseURI)
}

const complete = Object.getOwnPropertyDescriptor(globalThis.HTMLImageElement?.prototype ?? {}, 'complete')

/**
 * What the browser itself says.
 * @param {HTMLImageElement} image
 * @returns {boolean}
 */
function isComplete(image) {
  return complete?.get?.call(image)
}

/** @param {HTMLImageElement} image */
function sourcesOf(image) {
  const picture = image.parentElement
  if (!(picture instanceof HTMLPictureElement)) return []
  return /** @type {HTMLSourceElement[]} */ ([...picture.children].filter((child) => child.localName === 'source'))
}

/** @param {Element} element other than an `<img>` */
function addressName(element) {
  if (element.localName === 'input') return 'src'
  return element.hasAttribute('href') ? 'href' : 'xlink:href'
}

/** @param {Element} element other than an `<img>` */
function address(element) {
  return element.getAttribute(addressName(element)) ?? ''
}

/**
 * @param {Element} element
 * @param {string} name
 * @param {string | null} value
 */
function setAttribute(element, name, value) {
  const prototype = Element.prototype // that of images may be patched
  if (name === 'xlink:href' && value !== null) prototype.setAttributeNS.call(element, XLINK, name, value)
  else if (value === null) prototype.removeAttribute.call(element, name)
  else prototype.setAttribute.call(element, name, value)
}
