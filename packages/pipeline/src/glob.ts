/**
 * Woodpecker's globs (doublestar): `*` and `?` stay within one part between slashes, `**` as a whole part crosses any number
 * of them, `[a-z]`, `[!a]`, `{a,b}` and `\\` as usual. They become regular expressions of RE2, whose time is linear, so that
 * no pattern can stall who compiles a stranger's file; a backtracking matcher could be.
 */
import { RE2JS } from 're2js';

export const maxGlobLength = 1000;

/** Null for what is no glob: an open bracket or brace, a set upside down, or a backslash at the end. */
export function globMatcher(pattern: string): ((name: string) => boolean) | null {
  if (pattern.length > maxGlobLength) return null;
  const expression = translate(pattern);
  if (expression === null) return null;
  try {
    const compiled = RE2JS.compile(`(?s)${expression}`);
    return (name) => compiled.matches(name);
  } catch {
    // A set such as [z-a].
    return null;
  }
}

/** False also for what is no glob. */
export function matchesGlob(pattern: string, name: string): boolean {
  return globMatcher(pattern)?.(name) === true;
}

/** The parts of the path that every match begins with; empty when the first part is a pattern already. */
export function globRoot(pattern: string): string {
  const parts = pattern.split('/');
  const first = parts.findIndex((part) => /[*?[\]{},\\]/.test(part));
  return parts.slice(0, first === -1 ? parts.length : first).join('/');
}

/** Text that as a glob matches itself alone. */
export function literalGlob(text: string): string {
  return text.replaceAll(/[*?[\]{},\\]/g, (sign) => `\\${sign}`);
}

function translate(pattern: string): string | null {
  let expression = '';
  let braces = 0;
  for (let at = 0; at < pattern.length; at += 1) {
    const sign = pattern.charAt(at);
    if (sign === '\\') {
      at += 1;
      if (at === pattern.length) return null;
      expression += quoted(pattern.charAt(at));
    } else if (sign === '*') {
      const whole = wholePart(pattern, at);
      if (pattern.charAt(at + 1) !== '*') expression += '[^/]*';
      else if (!whole) {
        expression += '[^/]*';
        at += 1;
      } else {
        const [text, end] = crossing(pattern, at, expression);
        [expression, at] = [text, end];
      }
    } else if (sign === '?') expression += '[^/]';
    else if (sign === '[') {
      const set = /^\[([!^]?)((?:\\.|[^\]\\])+)\]/su.exec(pattern.slice(at));
      if (set === null) return null;
      expression += `[${set[1] === '' ? '' : '^/'}${members(set[2] ?? '')}]`;
      at += set[0].length - 1;
    } else if (sign === '{') {
      braces += 1;
      expression += '(?:';
    } else if (sign === '}' && braces > 0) {
      braces -= 1;
      expression += ')';
    } else if (sign === ',' && braces > 0) expression += '|';
    else expression += quoted(sign);
  }
  return braces === 0 ? expression : null;
}

/** Whether the `**` at this place stands between slashes, braces or the ends of the pattern. */
function wholePart(pattern: string, at: number): boolean {
  const [before, after] = [pattern.charAt(at - 1), pattern.charAt(at + 2)];
  return ['', '/', '{', ','].includes(before) && ['', '/', '}', ','].includes(after);
}

/** `a/**` is a and all below it; `**` with a slash behind it is any number of parts, none included. */
function crossing(pattern: string, at: number, expression: string): [string, number] {
  if (pattern.charAt(at + 2) === '/') return [`${expression}(?:.*/)?`, at + 2];
  return expression.endsWith('/')
    ? [`${expression.slice(0, -1)}(?:/.*)?`, at + 1]
    : [`${expression}.*`, at + 1];
}

function members(set: string): string {
  const parts = set.match(/\\.|[^\\]/gsu) ?? [];
  return parts
    .map((part, index) => {
      if (part === '-' && index > 0 && index < parts.length - 1) return '-';
      return quoted(part.length > 1 ? part.slice(1) : part);
    })
    .join('');
}

function quoted(sign: string): string {
  return /[A-Za-z0-9_/]/.test(sign) || sign > '\x7f' ? sign : `\\${sign}`;
}
