/** The converted images of a page, each fetched and decoded once. */
import { readHead } from '../container.js'
import { readKpal } from '../read-kpal.js'
import { Reader } from '../reader.js'
import { dataBytes, isData } from './address.js'
import { Workers } from './workers.js'

const MOST_UNUSED_BYTES = 32 * 2 ** 20
const SWEEP_MS = 5000

/** The file could not be fetched, is no KPAL file, or a damaged one. */
export class NotShown extends Error {}

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
  constructor(uses, onConverted) {
    this.uses = uses
    this.onConverted = onConverted
    this.workers = new Workers()
    /** @type {Map<string, Entry>} by URL, and for requests with credentials, `credentials` and the URL */
    this.entries = new Map()
    /** @type {Map<string, string>} from object URLs, even revoked ones, to those that they stand for */
    this.originals = new Map()
    /** @type {Set<string>} object URLs that are not revoked */
    this.live = new Set()
    /** @type {Map<string, WeakRef<Blob>>} blobs to which the page made object URLs, which it may have revoked since */
    this.blobs = new Map()
    this.abort = new AbortController()
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined
  }

  /**
   * @param {string} url
   * @param {RequestCredentials} [credentials]
   * @returns {Entry}
   */
  get(url, credentials = 'same-origin') {
    const key = credentials === 'include' ? `include ${url}` : url
    let entry = this.entries.get(key)
    if (entry) this.entries.delete(key) // and put it at the end: the first ones are revoked first
    else entry = this.load(key, url, credentials)
    this.entries.set(key, entry)
    return entry
  }

  /**
   * @param {string} key
   * @param {string} url
   * @param {RequestCredentials} credentials
   * @returns {Entry}
   */
  load(key, url, credentials) {
    /** @type {(head: { width: number, height: number }) => void} */
    let tellHead
    /** @type {Promise<{ width: number, height: number }>} */
    const head = new Promise((resolve) => (tellHead = resolve))
    this.workers.warm()
    const image = this.fetch(url, credentials, (bytes) => tellHead(readHead(new Reader(bytes))))
      .then((bytes) => this.workers.convert(bytes))
      .then(({ png, error }) => {
        if (!png || this.abort.signal.aborted) throw new NotShown(`${shortened(url)}: ${error ?? 'stopped'}`)
        entry.bytes = png.length
        entry.objectUrl = URL.createObjectURL(new Blob([/** @type {BlobPart} */ (png)], { type: 'image/png' }))
        this.originals.set(entry.objectUrl, url)
        this.live.add(entry.objectUrl)
        this.onConverted(url)
        return entry.objectUrl
      })
      .catch((error) => {
        if (this.entries.get(key) === entry) this.entries.delete(key) // it may be there the next time
        throw error instanceof NotShown ? error : new NotShown(`${shortened(url)}: ${error?.message}`)
      })
    /** @type {Entry} */
    const entry = {
      url,
      head: Promise.race([head, image.then(() => head)]),
      image,
      objectUrl: undefined,
      bytes: 0,
      users: new Set(),
      inSheets: false,
    }
    for (const promise of [entry.head, image]) promise.catch(() => {})
    return entry
  }

  /**
   * @param {string} url
   * @param {RequestCredentials} credentials
   * @param {(bytes: Uint8Array) => void} onHead called with the first bytes
   */
  async fetch(url, credentials, onHead) {
    const local = isData(url) ? dataBytes(url) : this.blobs.get(url)?.deref()
    // The browser has just fetched it for the element: what it has kept is good enough, however old.
    const options = /** @type {const} */ ({ credentials, cache: 'force-cache', signal: this.abort.signal })
    const response = local ? new Response(/** @type {BodyInit} */ (local)) : await fetch(url, options)
    if (!response.ok) throw new NotShown(`${shortened(url)}: ${response.status} ${response.statusText}`)
    const bytes = await readKpal(response, onHead)
    if (!bytes) throw new NotShown(`${shortened(url)} is no KPAL file`)
    return bytes
  }

  /**
   * @param {string} url
   * @param {Blob} blob
   */
  remember(url, blob) {
    if (blob.size >= 20) this.blobs.set(url, new WeakRef(blob))
    if (this.blobs.size % 100 === 0) {
      for (const [url, blob] of this.blobs) if (!blob.deref()) this.blobs.delete(url)
    }
  }

  /**
   * @param {Entry} entry
   * @param {Element} element
   */
  use(entry, element) {
    for (const user of entry.users) if (user.deref() === element) return
    entry.users.add(new WeakRef(element))
  }

  /** Looks soon for images that nothing shows any more. */
  sweepSoon() {
    this.timer ??= setTimeout(() => {
      this.timer = undefined
      this.sweep()
    }, SWEEP_MS)
  }

  sweep() {
    let unused = 0
    for (const [key, entry] of [...this.entries].reverse()) {
      if (!entry.objectUrl || this.isUsed(entry)) continue
      unused += entry.bytes
      if (unused <= MOST_UNUSED_BYTES && !entry.url.startsWith('blob:')) continue
      URL.revokeObjectURL(entry.objectUrl)
      this.live.delete(entry.objectUrl)
      this.entries.delete(key)
    }
  }

  /** @param {Entry} entry */
  isUsed(entry) {
    for (const user of entry.users) {
      const element = user.deref()
      if (!element || !this.uses(element, entry)) entry.users.delete(user)
    }
    return entry.inSheets || entry.users.size > 0
  }

  stop() {
    clearTimeout(this.timer)
    this.abort.abort()
    this.workers.stop()
    for (const url of this.live) URL.revokeObjectURL(url)
    this.live.clear()
    this.entries.clear()
  }
}

/** @param {string} url */
function shortened(url) {
  return url.length > 200 ? `${url.slice(0, 200)}...` : url
}
