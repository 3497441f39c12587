/**
 * The prior of a node by the rank p5 and the width, made when it is first needed: sixteen logarithms.
 * @param {import('./mixer.js').Mixer} mixer
 * @param {number} node
 */
export function findPrior({ colours, k, p5, width, priors, priorsMade }: import("./mixer.js").Mixer, node: number): Int16Array<ArrayBuffer>;
/** How many priors each rank has: eight widths, of 17 nodes each. */
export const PRIORS: number;
