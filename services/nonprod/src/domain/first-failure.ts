/**
 * Which line of a failed step's log says why: the beginning of the last group of lines that look like errors. Tools print
 * the cause, then what followed from it, then a summary; far above may stand errors that something went on after.
 */

/** What tools of many languages print in front of or inside a cause. */
const looksLikeError = new RegExp(
  [
    String.raw`\b(?:error|fatal|panic|exception)\b(?![-\w./])|\b(?:[Ss]egmentation fault|[Oo]ut of memory)\b|\bTraceback \(`,
    String.raw`\b(?:FAIL|FAILED|FAILURE|ERROR|ERR!|not ok|Unhandled|Uncaught)\b`,
    String.raw`(?:command not found|No such file or directory|Permission denied|cannot find|undefined reference)`,
    String.raw`[\u2716\u2717\u2718\xd7] |^E +\S|^\s*--- FAIL|: error[: ]|(?:Error|Exception): `,
  ].join('|'),
);
const looksLikeErrorInAnyCase = /(?:^|[\s[(:])(?:error|fatal error|fatal|panic)(?:\[|:|!)/i;
/** `0 errors`, `no failures`, `error: 0`, `--fail-fast`, `errors.ts`. */
const onlyMentions =
  /\b(?:0|no|without) (?:errors?|fail(?:ures?|ed)|exceptions?)\b|\b(?:errors?|fail(?:ures?|ed)|exceptions?)\s*[:=]\s*0\b|\bwarning\b(?!.*\berror:)/i;

/** Lines between two of one group. */
const maxGap = 3;

export function looksFailing(text: string): boolean {
  return (
    (looksLikeError.test(text) || looksLikeErrorInAnyCase.test(text)) && !onlyMentions.test(text)
  );
}

/**
 * @param lines the last lines of the log, in order, as plain text.
 * @returns the position in `lines`; without any line that looks like an error that of the last one with text; null when
 *   there is none.
 */
export function firstFailingLine(lines: readonly string[]): number | null {
  let found = lines.findLastIndex(looksFailing);
  if (found < 0) {
    const last = lines.findLastIndex((text) => text.trim() !== '');
    return last < 0 ? null : last;
  }
  for (let at = found - 1; at >= 0 && found - at <= maxGap; at -= 1) {
    if (looksFailing(lines[at] ?? '')) found = at;
  }
  return found;
}
