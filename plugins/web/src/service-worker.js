/**
 * A service worker that shows the KPAL images of all pages in its scope. Registered by itself, or imported by another
 * service worker that does not answer requests for images; one that does calls `convertResponse` instead.
 */
import { fetchImage, wantsImage } from './response.js'

export { convertResponse, fetchImage, wantsImage } from './response.js'

/** @type {any} */
const worker = globalThis

worker.addEventListener('install', () => worker.skipWaiting())
worker.addEventListener('activate', (/** @type {any} */ event) => event.waitUntil(worker.clients.claim()))
worker.addEventListener('fetch', (/** @type {any} */ event) => {
  if (wantsImage(event.request)) event.respondWith(fetchImage(event.request))
})
