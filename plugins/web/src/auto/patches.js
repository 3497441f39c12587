/** What a page must not notice: images that are being converted are still loading, and `srcset` is what it was. */

import { hasName, isKpalData } from './address.js'

/** @typedef {import('./images.js').Images} Images */
/** @typedef {import('./cache.js').Cache} Cache */

/**
 * @param {Images} images
 * @param {Cache} cache
 * @param {(root: ShadowRoot) => void} onShadowRoot
 * @returns {() => void} takes all patches back
 */
export function patch(images, cache, onShadowRoot) {
  const prototype = HTMLImageElement.prototype
  const { get: naturalWidth } = /** @type {any} */ (Object.getOwnPropertyDescriptor(prototype, 'naturalWidth'))
  // Also between the failure and its event, and between the replacement and its effect.
  const isPending = (/** @type {HTMLImageElement} */ image) => {
    const state = images.states.get(image)
    if (state) return state.phase === 'pending' || (state.phase === 'shown' && !state.loaded)
    const url = image.currentSrc
    return url !== '' && naturalWidth.call(image) === 0 && (hasName(url) || isKpalData(url))
  }
  const before = (/** @type {HTMLImageElement} */ image, /** @type {string} */ name) => {
    if (images.ignored.has(image) || !/^src(set)?$/i.test(name)) return
    images.reset(image)
    if (!image.isConnected) images.watch(image)
  }
  const after = (/** @type {HTMLImageElement} */ image, /** @type {string} */ name) => {
    if (!images.ignored.has(image) && /^src$/i.test(name)) images.beginEarly(image)
  }

  const undo = [
    ...['src', 'srcset'].map((name) =>
      accessor(prototype, name, ({ get, set }) => ({
        get() {
          return name === 'src' ? get.call(this) : (images.original(this, name) ?? '')
        },
        set(value) {
          before(this, name)
          set?.call(this, value)
          after(this, name)
        },
      })),
    ),
    ...['setAttribute', 'removeAttribute'].map((name) =>
      method(prototype, name, (native) => /** @this {HTMLImageElement} */ function (/** @type {any[]} */ ...args) {
        before(this, String(args[0]))
        native.apply(this, args)
        after(this, String(args[0]))
      }),
    ),
    accessor(prototype, 'complete', ({ get }) => ({
      get() {
        return !isPending(this) && get.call(this)
      },
    })),
    ...['naturalWidth', 'naturalHeight'].map((name) =>
      accessor(prototype, name, ({ get }) => ({
        get() {
          return isPending(this) ? 0 : get.call(this)
        },
      })),
    ),
    method(prototype, 'decode', (native) => /** @this {HTMLImageElement} */ function () {
      return decode(images, this, native)
    }),
    method(URL, 'createObjectURL', (native) => (/** @type {any} */ blob) => {
      const url = native.call(URL, blob)
      if (blob instanceof Blob) cache.remember(url, blob)
      return url
    }),
    method(Element.prototype, 'attachShadow', (native) => /** @this {Element} */ function (/** @type {any[]} */ ...args) {
      const root = native.apply(this, args)
      onShadowRoot(root)
      return root
    }),
  ]
  return () => undo.reverse().forEach((step) => step())
}

/**
 * @param {Images} images
 * @param {HTMLImageElement} image
 * @param {Function} native
 */
async function decode(images, image, native) {
  for (let tries = 0; ; tries++) {
    await images.states.get(image)?.finished
    if (images.states.get(image)?.phase === 'failed') throw new DOMException('no image that can be shown', 'EncodingError')
    try {
      return await native.call(image)
    } catch (error) {
      // It may have been the KPAL file itself that could not be decoded; the event that starts all else may come later.
      if (tries === 4) throw error
      await new Promise((resolve) => setTimeout(resolve, 10 * tries))
    }
  }
}

/**
 * @param {any} object
 * @param {string} name
 * @param {(native: { get: Function, set?: Function }) => { get: (this: any) => any, set?: (this: any, value: any) => void }} make
 */
function accessor(object, name, make) {
  const native = /** @type {any} */ (Object.getOwnPropertyDescriptor(object, name))
  return define(object, name, { ...native, ...make(native) })
}

/**
 * @param {any} object
 * @param {string} name
 * @param {(native: Function) => Function} make
 */
function method(object, name, make) {
  return define(object, name, { configurable: true, writable: true, enumerable: true, value: make(object[name]) })
}

/**
 * @param {any} object
 * @param {string} name
 * @param {PropertyDescriptor} descriptor
 */
function define(object, name, descriptor) {
  const before = Object.getOwnPropertyDescriptor(object, name)
  Object.defineProperty(object, name, descriptor)
  return () => {
    // Another script may have patched it since: then it stays.
    const now = Object.getOwnPropertyDescriptor(object, name)
    if ((now?.value ?? now?.get) !== (descriptor.value ?? descriptor.get)) return
    if (before) Object.defineProperty(object, name, before)
    else delete object[name]
  }
}
