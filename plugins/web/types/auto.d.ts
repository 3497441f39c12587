/** Shows KPAL images from now on. Loading this module has already called it; outside of pages, it does nothing. */
export function start(): void;
/** Stops, and restores all addresses: KPAL images no longer show. */
export function stop(): void;
