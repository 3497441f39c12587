/**
 * Whether a service worker should answer a request with `fetchImage`: those of pages for images, whatever their names,
 * and links to files named `.kpal`. Scripts that fetch a file get what is there.
 * @param {Request} request
 */
export function wantsImage({ method, destination, url }: Request): boolean;
/**
 * Fetches what a page asks for, and converts it if it is a KPAL file.
 * @param {Request} request
 * @returns {Promise<Response>}
 */
export function fetchImage(request: Request): Promise<Response>;
/**
 * The response itself, with all its bytes, if it is no KPAL file or a damaged one; else a new one with a PNG file.
 * @param {Response} response
 * @returns {Promise<Response>}
 */
export function convertResponse(response: Response): Promise<Response>;
