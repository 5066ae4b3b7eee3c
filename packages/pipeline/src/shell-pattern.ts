/** A shell's prefixes and suffixes by pattern: `*` is any text, `?` one character, `\\` takes the next one as it is. */

type Sign = { readonly any: 'text' | 'character' } | { readonly character: string };

export function cutPrefix(text: string, pattern: string, length: 'short' | 'long'): string {
  const signs = Array.from(text);
  return signs.slice(matched(signs, signsOf(pattern), length)).join('');
}

export function cutSuffix(text: string, pattern: string, length: 'short' | 'long'): string {
  const signs = Array.from(text).reverse();
  return signs
    .slice(matched(signs, signsOf(pattern).reverse(), length))
    .reverse()
    .join('');
}

function signsOf(pattern: string): Sign[] {
  return [...pattern.matchAll(/\\(.)|(.)/gsu)].map(([, escaped, plain]) => {
    if (plain === '*') return { any: 'text' };
    if (plain === '?') return { any: 'character' };
    return { character: escaped ?? plain ?? '' };
  });
}

/** How many characters at the start match; 0 for none. Time is pattern × text. */
function matched(
  text: readonly string[],
  pattern: readonly Sign[],
  length: 'short' | 'long',
): number {
  let reachable = new Uint8Array(text.length + 1);
  reachable[0] = 1;
  for (const sign of pattern) {
    const next = new Uint8Array(text.length + 1);
    for (let end = 0; end <= text.length; end += 1) {
      const before = end > 0 && reachable[end - 1] === 1;
      if ('character' in sign) next[end] = before && text[end - 1] === sign.character ? 1 : 0;
      else if (sign.any === 'character') next[end] = before ? 1 : 0;
      else next[end] = reachable[end] === 1 || (end > 0 && next[end - 1] === 1) ? 1 : 0;
    }
    reachable = next;
  }
  return length === 'long'
    ? Math.max(0, reachable.lastIndexOf(1))
    : Math.max(0, reachable.indexOf(1, 1));
}
