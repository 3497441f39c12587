/**
 * Made from kernel/mixer.ts by `npm run build`. Compressed, hexadecimal digits take less than base64.
 * @type {string}
 */
export const CODE: string;
