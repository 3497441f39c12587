/** Turns responses that are KPAL files into PNG files, for service workers. */
import { hasName } from './auto/address.js'
import { toPNG } from './png.js'
import { readKpal } from './read-kpal.js'

const SUFFIX = '-kpal-png' // of entity tags: the bytes are others
const OF_THE_BYTES = ['content-encoding', 'content-range', 'transfer-encoding', 'content-md5', 'digest', 'content-digest', 'repr-digest']
const DOCUMENTS = ['document', 'iframe', 'frame', 'embed', 'object']

/**
 * Whether a service worker should answer a request with `fetchImage`: those of pages for images, whatever their names,
 * and links to files named `.kpal`. Scripts that fetch a file get what is there.
 * @param {Request} request
 */
export function wantsImage({ method, destination, url }) {
  return method === 'GET' && (destination === 'image' || (DOCUMENTS.includes(destination) && hasName(url)))
}

/**
 * Fetches what a page asks for, and converts it if it is a KPAL file.
 * @param {Request} request
 * @returns {Promise<Response>}
 */
export async function fetchImage(request) {
  const range = request.headers.get('range')
  const named = hasName(request.url)
  const tags = request.headers.get('if-none-match')
  if (tags?.includes(SUFFIX) || (range && named)) {
    const headers = new Headers(request.headers)
    if (tags) headers.set('if-none-match', tags.replaceAll(SUFFIX, ''))
    if (range && named) for (const name of ['range', 'if-range']) headers.delete(name)
    request = new Request(request, { headers })
  }
  const response = await convertResponse(await fetched(request, named))
  return range && named ? partial(response, range) : response
}

/**
 * An `<img>` without `crossorigin` asks for what nobody may look into. With luck, the other server allows it.
 * @param {Request} request
 * @param {boolean} named
 */
async function fetched(request, named) {
  if (named && request.mode === 'no-cors' && new URL(request.url).origin !== location.origin) {
    try {
      const response = await fetch(request.url, { mode: 'cors', credentials: 'omit', signal: request.signal })
      if (response.ok) return response
    } catch {
      // It does not.
    }
  }
  return fetch(request)
}

/**
 * The response itself, with all its bytes, if it is no KPAL file or a damaged one; else a new one with a PNG file.
 * @param {Response} response
 * @returns {Promise<Response>}
 */
export async function convertResponse(response) {
  if (response.status !== 200 || !response.body || response.bodyUsed) return response // opaque ones have no body
  const bytes = await readKpal(response.clone())
  if (!bytes) return response
  try {
    return pngResponse(response, await toPNG(bytes, { compress: false }))
  } catch (error) {
    console.warn(`kpal: ${response.url}: ${/** @type {Error} */ (error).message}`)
    return response
  }
}

/**
 * @param {Response} response
 * @param {Uint8Array} png
 */
function pngResponse(response, png) {
  response.body?.cancel().catch(() => {})
  const headers = new Headers(response.headers)
  for (const name of OF_THE_BYTES) headers.delete(name)
  headers.set('content-type', 'image/png')
  headers.set('content-length', String(png.length))
  const tag = headers.get('etag')
  if (tag) headers.set('etag', tag.replace(/"$/, `${SUFFIX}"`))
  const disposition = headers.get('content-disposition')
  if (disposition) headers.set('content-disposition', disposition.replace(/\.kpal\b/gi, '.png'))
  return new Response(/** @type {BodyInit} */ (png), { status: 200, headers })
}

/**
 * The part of a PNG file that was asked for.
 * @param {Response} response
 * @param {string} range
 */
async function partial(response, range) {
  const asked = /^bytes=(\d*)-(\d*)$/.exec(range)
  if (response.status !== 200 || !asked || !(asked[1] || asked[2])) return response
  const bytes = new Uint8Array(await response.arrayBuffer())
  const size = bytes.length
  const start = asked[1] ? Number(asked[1]) : Math.max(0, size - Number(asked[2]))
  const end = asked[1] && asked[2] ? Math.min(size, Number(asked[2]) + 1) : size
  const headers = new Headers(response.headers)
  if (start >= end) {
    headers.set('content-range', `bytes */${size}`)
    headers.delete('content-length')
    return new Response(null, { status: 416, headers })
  }
  headers.set('content-range', `bytes ${start}-${end - 1}/${size}`)
  headers.set('content-length', String(end - start))
  return new Response(bytes.subarray(start, end), { status: 206, headers })
}
