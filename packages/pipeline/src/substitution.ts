/**
 * Woodpecker replaces `${VARIABLE}` in the raw text of the file, so that a branch name can write YAML or shell. Here the
 * file is parsed first and replacement happens within single values; in commands only what cannot mean anything to a
 * shell is pasted, and the rest is left for the shell to read from the environment.
 */
import { cutPrefix, cutSuffix } from './shell-pattern.ts';
import { parseTemplate, parseUnescaped, type Reference, type Template } from './template.ts';

const harmless = /^[A-Za-z0-9._/:@+-]*$/;

export type Variables = Readonly<Record<string, string>>;

function lookUp(variables: Variables, name: string): string | undefined {
  return Object.hasOwn(variables, name) ? variables[name] : undefined;
}

/** In an image, a setting or a variable's value: what is not known is empty, as in Woodpecker, and `$$` is a dollar sign. */
export function substituteInValue(text: string, variables: Variables): string {
  return expand(parseTemplate(text), variables);
}

/** As in a value, within text whose escapes have been read. */
export function substituteUnescaped(text: string, variables: Variables): string {
  return expand(parseUnescaped(text), variables);
}

/** As in a value, but only names among these variables; other references stay as they are written. */
export function substituteKnown(text: string, variables: Variables): string {
  return parseTemplate(text)
    .map((piece) => {
      if (typeof piece === 'string') return piece;
      return lookUp(variables, piece.name) === undefined ? piece.source : apply(piece, variables);
    })
    .join('');
}

/** As in a value, with what comes from variables passed through `literal`. */
export function substituteWith(
  text: string,
  variables: Variables,
  literal: (value: string) => string,
): string {
  return parseTemplate(text)
    .map((piece) => (typeof piece === 'string' ? piece : literal(apply(piece, variables))))
    .join('');
}

/**
 * In a command. Names that are not among the variables belong to the shell. Of the others only harmless values are pasted;
 * where the shell can read the variable itself the reference stays, and what it could not work out, such as
 * `${CI_COMMIT_BRANCH//x/y}`, it reads from a variable of its own.
 *
 * @param spill keeps a value in the step's environment and answers the name under which it is there.
 */
export function substituteInCommand(
  text: string,
  variables: Variables,
  spill: (value: string) => string,
): string {
  return parseTemplate(text)
    .map((piece) => {
      if (typeof piece === 'string') return piece;
      if (lookUp(variables, piece.name) === undefined) return piece.source;
      const value = apply(piece, variables);
      if (harmless.test(value)) return value;
      return piece.operator === '' ? piece.source : `\${${spill(value)}}`;
    })
    .join('');
}

function expand(template: Template, variables: Variables): string {
  return template
    .map((piece) => (typeof piece === 'string' ? piece : apply(piece, variables)))
    .join('');
}

function apply(reference: Reference, variables: Variables): string {
  const value = lookUp(variables, reference.name) ?? '';
  const [first = '', second] = reference.arguments.map((argument) => expand(argument, variables));
  switch (reference.operator) {
    case '':
      return value;
    case 'length':
      return String(value.length);
    case 'default':
      return value === '' ? first : value;
    case 'part':
      return part(value, Number(first), second === undefined ? null : Number(second));
    case 'lower-first':
      return value.slice(0, 1).toLowerCase() + value.slice(1);
    case 'lower':
      return value.toLowerCase();
    case 'upper-first':
      return value.slice(0, 1).toUpperCase() + value.slice(1);
    case 'upper':
      return value.toUpperCase();
    case 'cut-short-prefix':
      return cutPrefix(value, first, 'short');
    case 'cut-long-prefix':
      return cutPrefix(value, first, 'long');
    case 'cut-short-suffix':
      return cutSuffix(value, first, 'short');
    case 'cut-long-suffix':
      return cutSuffix(value, first, 'long');
    case 'replace':
      return first === '' ? value : value.replace(first, () => second ?? '');
    case 'replace-all':
      return first === '' ? value : value.replaceAll(first, () => second ?? '');
    case 'replace-prefix':
      return value.startsWith(first) ? (second ?? '') + value.slice(first.length) : value;
    case 'replace-suffix':
      return value.endsWith(first)
        ? value.slice(0, value.length - first.length) + (second ?? '')
        : value;
  }
}

function part(value: string, position: number, length: number | null): string {
  const start = position < 0 ? Math.max(0, value.length + position) : position;
  return length === null ? value.slice(start) : value.slice(start, start + length);
}
