/**
 * Replaces URLs of a `srcset` attribute, and leaves all else as it is.
 * @param {string} srcset
 * @param {(url: string) => string | undefined} replacement for the URLs to be replaced
 * @returns {string}
 */
export function replaceCandidates(srcset, replacement) {
  // As in the HTML standard: a URL runs up to white space; commas at its end separate candidates, and so does a comma
  // behind the descriptors, outside of parentheses.
  return srcset.replace(/([\s,]*)([^\s,]\S*)((?:\([^)]*\)|[^,(])*)/g, (all, before, token, after) => {
    const url = token.replace(/,+$/, '')
    const commas = token.slice(url.length)
    const found = replacement(url)
    if (commas) return before + (found ?? url) + commas + replaceCandidates(after, replacement)
    return found === undefined ? all : before + found + after
  })
}
