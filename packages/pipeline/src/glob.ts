/**
 * Matches a branch name against a pattern: `*` and `?` stay within one part between slashes, `**` crosses slashes,
 * `{a,b}` is not special. Time is at most pattern × name, so that no pattern can stall the scheduler.
 */
export function matchesGlob(pattern: string, name: string): boolean {
  // reachable[i]: the pattern read so far can match the first i characters of the name.
  let reachable = new Array<boolean>(name.length + 1).fill(false);
  reachable[0] = true;
  for (let at = 0; at < pattern.length; at += 1) {
    const next = new Array<boolean>(name.length + 1).fill(false);
    const crossing = pattern.startsWith('**', at);
    const sign = pattern.charAt(at);
    for (let end = 0; end <= name.length; end += 1) {
      const last = name.charAt(end - 1);
      const before = end > 0 && reachable[end - 1] === true;
      if (crossing || sign === '*') {
        const extended = end > 0 && next[end - 1] === true && (crossing || last !== '/');
        next[end] = reachable[end] === true || extended;
      } else if (sign === '?') next[end] = before && last !== '/';
      else next[end] = before && last === sign;
    }
    if (crossing) at += 1;
    reachable = next;
  }
  return reachable[name.length] === true;
}
