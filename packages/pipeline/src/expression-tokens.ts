/** The words and signs of `when.evaluate`. */

/** What is wrong with an expression, and at which character of it, counted from 1. */
export class ExpressionError extends Error {
  readonly at: number;

  constructor(what: string, at: number) {
    super(what);
    this.name = 'ExpressionError';
    this.at = at;
  }
}

export interface Token {
  readonly type: 'text' | 'number' | 'name' | 'variable' | 'sign' | 'end';
  readonly text: string;
  readonly at: number;
}

const patterns: readonly [type: Token['type'] | 'space', pattern: RegExp][] = [
  ['space', /\s+/y],
  ['number', /\d+(?:\.\d+)?/y],
  ['variable', /\$\{([A-Za-z_][A-Za-z0-9_]*)\}/y],
  ['name', /\$env\b|[A-Za-z_][A-Za-z0-9_]*/y],
  ['text', /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`/sy],
  ['sign', /==|!=|<=|>=|&&|\|\||\?\.|[<>!()[\],.]/y],
];

const escapes: Readonly<Record<string, string>> = {
  n: '\n',
  r: '\r',
  t: '\t',
  '\\': '\\',
  '"': '"',
  "'": "'",
};

export function tokenize(source: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < source.length) {
    const token = next(source, at);
    if (token.type !== 'space') tokens.push({ type: token.type, text: token.text, at: at + 1 });
    at = token.end;
  }
  return [...tokens, { type: 'end', text: '', at: source.length + 1 }];
}

function next(
  source: string,
  at: number,
): { type: Token['type'] | 'space'; text: string; end: number } {
  for (const [type, pattern] of patterns) {
    pattern.lastIndex = at;
    const found = pattern.exec(source);
    if (found === null) continue;
    const text = type === 'text' ? unescaped(found[0], at) : (found[1] ?? found[0]);
    return { type, text, end: pattern.lastIndex };
  }
  const sign = String.fromCodePoint(source.codePointAt(at) ?? 0);
  throw new ExpressionError(`does not understand \`${sign}\` here`, at + 1);
}

function unescaped(quoted: string, at: number): string {
  const inner = quoted.slice(1, -1);
  if (quoted.startsWith('`')) return inner;
  return inner.replace(/\\(.)/gsu, (_, sign: string) => {
    const text = escapes[sign];
    if (text !== undefined) return text;
    throw new ExpressionError(
      `knows no \`\\${sign}\` within quotes; write \`\\\\${sign}\``,
      at + 1,
    );
  });
}
