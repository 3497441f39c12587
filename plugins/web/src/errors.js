/**
 * What is wrong with a file:
 * - `not-kpal`: it is no KPAL file at all (rule 1)
 * - `newer`: a newer encoder made it (rules 2 to 4, section 2.4); the file itself is probably fine
 * - `older`: it was made for an older draft of the format (rule 2)
 * - `damaged`: it breaks one of the other rules
 * - `too-large`: it has more pixels than the caller allows
 * @typedef {'not-kpal' | 'newer' | 'older' | 'damaged' | 'too-large'} ErrorKind
 */

/** The only error that the content of a file can cause. */
export class KpalError extends Error {
  /**
   * @param {number} rule the number of the rule in section 6 of the specification, or 0 for none
   * @param {string} message
   * @param {number} [offset] where in the file, if known
   * @param {ErrorKind} [kind]
   */
  constructor(rule, message, offset, kind = rule === 1 ? 'not-kpal' : rule >= 2 && rule <= 4 ? 'newer' : 'damaged') {
    super(message)
    this.name = 'KpalError'
    /** @type {ErrorKind} */
    this.kind = kind
    /** @type {number} */
    this.rule = rule
    /** @type {number | undefined} */
    this.offset = offset
  }
}
