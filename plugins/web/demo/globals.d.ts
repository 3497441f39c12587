/** In the bundle, the text of the worker. */
declare const KPAL_WORKER: string
