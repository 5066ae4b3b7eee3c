/** The references of Woodpecker's substitution (those of drone/envsubst), parsed out of one scalar. */

export type Operator =
  | ''
  | 'length'
  | 'default'
  | 'part'
  | 'lower-first'
  | 'lower'
  | 'upper-first'
  | 'upper'
  | 'cut-short-prefix'
  | 'cut-long-prefix'
  | 'cut-short-suffix'
  | 'cut-long-suffix'
  | 'replace'
  | 'replace-all'
  | 'replace-prefix'
  | 'replace-suffix';

export interface Reference {
  readonly name: string;
  readonly operator: Operator;
  readonly arguments: readonly Template[];
  /** As it stands in the file. */
  readonly source: string;
}

/** Text and references in their order; `$$` is a dollar sign already, `\\\\` a backslash and `\\/` a slash. */
export type Template = readonly (string | Reference)[];

const maxDepth = 8;

/** What is no reference of a known form stays text: a shell may know it. */
export function parseTemplate(text: string): Template {
  return createScanner(text, true).until('', 0);
}

/** The same for text whose backslashes have been read already. */
export function parseUnescaped(text: string): Template {
  return createScanner(text, false).until('', 0);
}

/** Woodpecker's escapes, as its files are written with them: every expression there has its backslashes twice. */
export function readEscapes(text: string): string {
  return text.replace(/\\([/\\])/g, '$1');
}

function createScanner(text: string, escapes: boolean) {
  let at = 0;

  /** Reads up to one of these characters, which is not taken, or to the end. */
  function until(stops: string, depth: number): Template {
    const pieces: (string | Reference)[] = [];
    let plain = '';
    while (at < text.length) {
      const sign = text.charAt(at);
      if (stops.includes(sign)) break;
      if (text.startsWith('$$', at)) {
        plain += '$';
        at += 2;
        continue;
      }
      const found = text.startsWith('${', at) ? reference(depth) : null;
      if (found !== null) {
        if (plain !== '') pieces.push(plain);
        plain = '';
        pieces.push(found);
        continue;
      }
      const next = text.charAt(at + 1);
      const escaped =
        sign === '\\' &&
        (next === '/' || next === '\\') &&
        (stops === '' ? escapes : stops.includes('/'));
      plain += escaped ? next : sign;
      at += escaped ? 2 : 1;
    }
    if (plain !== '') pieces.push(plain);
    return pieces;
  }

  function reference(depth: number): Reference | null {
    const start = at;
    const found = depth < maxDepth ? form(depth + 1) : null;
    if (found !== null && text.charAt(at) === '}') {
      at += 1;
      return { ...found, source: text.slice(start, at) };
    }
    at = start;
    return null;
  }

  function form(depth: number): Omit<Reference, 'source'> | null {
    const length = match(/\$\{#([A-Za-z_][A-Za-z0-9_]*)/y);
    if (length !== null) return { name: length[1] ?? '', operator: 'length', arguments: [] };
    const name = match(/\$\{([A-Za-z_][A-Za-z0-9_]*)/y)?.[1];
    if (name === undefined) return null;
    if (text.charAt(at) === '}') return { name, operator: '', arguments: [] };
    if (match(/:?[-=]/y) !== null)
      return { name, operator: 'default', arguments: [until('}', depth)] };
    const part = match(/: ?(-?\d{1,6})(?::(\d{1,6}))?(?=\})/y);
    if (part !== null) {
      const numbers = [part[1], part[2]].filter((number) => number !== undefined);
      return { name, operator: 'part', arguments: numbers.map((number) => [number]) };
    }
    const word = match(/,,|,|\^\^|\^|##|#|%%|%|\/\/|\/#|\/%|\//y)?.[0];
    const operator = word === undefined ? undefined : operators[word];
    if (operator === undefined) return null;
    if (/^(lower|upper)/.test(operator)) return { name, operator, arguments: [] };
    if (operator.startsWith('cut')) return { name, operator, arguments: [until('}', depth)] };
    const old = until('/}', depth);
    if (text.charAt(at) !== '/') return { name, operator, arguments: [old, []] };
    at += 1;
    return { name, operator, arguments: [old, until('}', depth)] };
  }

  function match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found !== null) at = pattern.lastIndex;
    return found;
  }

  return { until };
}

const operators: Readonly<Record<string, Operator>> = {
  ',': 'lower-first',
  ',,': 'lower',
  '^': 'upper-first',
  '^^': 'upper',
  '#': 'cut-short-prefix',
  '##': 'cut-long-prefix',
  '%': 'cut-short-suffix',
  '%%': 'cut-long-suffix',
  '/': 'replace',
  '//': 'replace-all',
  '/#': 'replace-prefix',
  '/%': 'replace-suffix',
};
