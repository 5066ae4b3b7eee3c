/** Text of any origin made fit for one line that people read. */

// Controls, line and paragraph separators, and what makes text read otherwise than it is: bidirectional controls, zero-width
// characters, tags (CVE-2021-42574, Unicode TR 36).
const misleading = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]+/gu;

/**
 * One line without control, formatting or private characters, each run of them a single space, cut to `most` characters
 * with an ellipsis. Characters are code points, so that none is cut in two.
 */
export function oneLine(text: string, most: number): string {
  const plain = text.replace(misleading, ' ').replace(/ {2,}/g, ' ').trim();
  const characters = Array.from(plain);
  return characters.length <= most ? plain : `${characters.slice(0, most - 1).join('')}…`;
}
