/** Present only in the bundle `dist/auto.js`. */
declare const KPAL_CLASSIC: true
