/**
 * `when` of an approval rule: a small language over what changes and what is released, the same operators as a pipeline's
 * `when.evaluate`. Its names are fixed; one that is not known is a fault of the file, never a condition that does not hold.
 *
 *   or         := and (("||" | "or") and)*
 *   and        := not (("&&" | "and") not)*
 *   not        := ("!" | "not") not | comparison
 *   comparison := operand (operator operand)?
 *   operator   := == != < > <= >= | in | contains | startsWith | endsWith | matches
 *   operand    := NAME | text | number | [ text, … ] | "(" or ")"
 */
import { AirlockError } from '../errors.ts';
import { compilePattern, PatternError, type Pattern } from './linear-pattern.ts';

/** What a condition may ask for. A list is compared entry by entry: one that fits is enough. */
export const conditionNames = {
  'delta.paths': 'list',
  'delta.authors': 'list',
  'delta.commits': 'number',
  'delta.files': 'number',
  'delta.newDependencies': 'number',
  'delta.migrations': 'number',
  'release.version': 'text',
  'release.repository': 'text',
  'release.artifact': 'text',
  'release.requester': 'text',
} as const;
export type ConditionName = keyof typeof conditionNames;

/** What is known of a list: `all` is false where there is more that nobody read. */
export type KnownList = { readonly some: readonly string[]; readonly all: boolean };

/** A value, or null for what nobody could find out: then whatever hangs on it is undecided. */
export type ConditionFacts = {
  readonly [Name in ConditionName]:
    { list: KnownList; number: number; text: string }[(typeof conditionNames)[Name]] | null;
};

/** `undecided`: a fact that it hangs on is not known. A rule then applies, because it may. */
export type Truth = 'yes' | 'no' | 'undecided';

export type Condition = { evaluate(facts: ConditionFacts): Truth };

/** `at`: the character of the condition, counted from 1. */
export class ConditionError extends AirlockError<'condition-malformed'> {
  readonly at: number;

  constructor(what: string, at: number) {
    super('condition-malformed', what);
    this.at = at;
  }
}

type Kind = 'text' | 'number' | 'list' | 'truth';
/** A `Truth` where the kind is truth. */
type Value = string | number | KnownList | null;
type Node = {
  readonly kind: Kind;
  readonly evaluate: (facts: ConditionFacts) => Value;
  /** Set for a text that stands in the condition itself. */
  readonly literal?: string;
};
type Token = {
  readonly type: 'text' | 'number' | 'name' | 'sign' | 'end';
  readonly text: string;
  readonly at: number;
};

const maxConditionLength = 1024;
const maxConditionDepth = 16;

/** @throws ConditionError with the place in the text, for anything that is not understood. */
export function parseCondition(text: string): Condition {
  if (text.length > maxConditionLength) {
    throw new ConditionError(`has more than ${maxConditionLength} characters`, 1);
  }
  const parser = createParser(tokenize(text));
  const node = parser.or(0);
  parser.end();
  if (node.kind !== 'truth') {
    throw new ConditionError(`is ${kinds[node.kind]} and no question; compare it`, 1);
  }
  return { evaluate: (facts) => truthOf(node.evaluate(facts)) };
}

const kinds: Readonly<Record<Kind, string>> = {
  text: 'text',
  number: 'a number',
  list: 'a list',
  truth: 'true or false',
};
const truthOf = (value: Value): Truth => (value === 'yes' || value === 'no' ? value : 'undecided');
const isList = (value: Value): value is KnownList => typeof value === 'object' && value !== null;

const textOf = (value: Value): string => (typeof value === 'string' ? value : '');

const tokenForms: readonly (readonly [Token['type'] | 'space', RegExp])[] = [
  ['space', /\s+/y],
  ['number', /\d{1,9}/y],
  ['name', /[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*/y],
  ['text', /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/sy],
  ['sign', /==|!=|<=|>=|&&|\|\||[<>!()[\],]/y],
];

function tokenize(source: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  scan: while (at < source.length) {
    for (const [type, form] of tokenForms) {
      form.lastIndex = at;
      const found = form.exec(source)?.[0];
      if (found === undefined) continue;
      if (type !== 'space') {
        tokens.push({ type, text: type === 'text' ? plainText(found) : found, at: at + 1 });
      }
      at += found.length;
      continue scan;
    }
    const sign = String.fromCodePoint(source.codePointAt(at) ?? 0);
    throw new ConditionError(`does not understand ${sign} here`, at + 1);
  }
  return [...tokens, { type: 'end', text: '', at: source.length + 1 }];
}

/** Before the quotes and itself `\` is taken away; before anything else it stays, so that a pattern keeps its own. */
const plainText = (quoted: string): string => quoted.slice(1, -1).replace(/\\(["'\\])/g, '$1');

function createParser(tokens: readonly Token[]) {
  let next = 0;
  const peek = (): Token => tokens[next] ?? { type: 'end', text: '', at: tokens.at(-1)?.at ?? 1 };
  const is = (...texts: string[]): boolean =>
    (peek().type === 'sign' || peek().type === 'name') && texts.includes(peek().text);
  const take = (): Token => {
    const token = peek();
    next += 1;
    return token;
  };
  const fail = (token: Token): never => {
    const what = token.type === 'end' ? 'ends too early' : `does not understand ${token.text} here`;
    throw new ConditionError(what, token.at);
  };
  const truth = (node: Node, token: Token): Node => {
    if (node.kind === 'truth') return node;
    throw new ConditionError(`${token.text} wants questions, not ${kinds[node.kind]}`, token.at);
  };

  function chain(words: string[], decides: Truth, inner: () => Node): Node {
    let left = inner();
    while (is(...words)) {
      const token = take();
      const [a, b] = [truth(left, token), truth(inner(), token)];
      left = {
        kind: 'truth',
        evaluate: (facts) => {
          const both = [a.evaluate(facts), b.evaluate(facts)];
          if (both.includes(decides)) return decides;
          return both.includes('undecided') ? 'undecided' : decides === 'yes' ? 'no' : 'yes';
        },
      };
    }
    return left;
  }
  const or = (depth: number): Node => chain(['||', 'or'], 'yes', () => and(depth));
  const and = (depth: number): Node => chain(['&&', 'and'], 'no', () => not(depth));

  function not(depth: number): Node {
    if (depth > maxConditionDepth) {
      throw new ConditionError(`is nested deeper than ${maxConditionDepth}`, peek().at);
    }
    if (!is('!', 'not')) return comparison(depth);
    const token = take();
    const inner = truth(not(depth + 1), token);
    return {
      kind: 'truth',
      evaluate: (facts) => {
        const value = truthOf(inner.evaluate(facts));
        return value === 'undecided' ? value : value === 'yes' ? 'no' : 'yes';
      },
    };
  }

  function comparison(depth: number): Node {
    const left = operand(depth);
    if (!operators.includes(peek().text) || !['sign', 'name'].includes(peek().type)) return left;
    const operator = take();
    return compare(operator, left, operand(depth));
  }

  function operand(depth: number): Node {
    const token = take();
    if (token.type === 'text') {
      return { kind: 'text', literal: token.text, evaluate: () => token.text };
    }
    if (token.type === 'number') {
      const number = Number(token.text);
      return { kind: 'number', evaluate: () => number };
    }
    if (token.type === 'name') return named(token);
    if (token.text === '[') return list();
    if (token.text !== '(') return fail(token);
    const inner = or(depth + 1);
    if (!is(')')) fail(peek());
    take();
    return inner;
  }

  function list(): Node {
    const items: string[] = [];
    while (!is(']')) {
      const item = take();
      if (item.type !== 'text') fail(item);
      items.push(item.text);
      if (is(',')) take();
      else if (!is(']')) fail(peek());
    }
    take();
    const whole = { some: items, all: true };
    return { kind: 'list', evaluate: () => whole };
  }

  const end = (): void => {
    if (peek().type !== 'end') fail(peek());
  };
  return { or, end };
}

const isConditionName = (name: string): name is ConditionName =>
  Object.hasOwn(conditionNames, name);

function named(token: Token): Node {
  const name = token.text;
  if (isConditionName(name)) {
    return { kind: conditionNames[name], evaluate: (facts) => facts[name] };
  }
  throw new ConditionError(
    `knows no ${name}; known are ${Object.keys(conditionNames).join(', ')}`,
    token.at,
  );
}

const operators = [
  ...['==', '!=', '<', '>', '<=', '>='],
  ...['in', 'contains', 'startsWith', 'endsWith', 'matches'],
];

function compare(token: Token, left: Node, right: Node): Node {
  const wrong = (): never => {
    throw new ConditionError(
      `${token.text} cannot stand between ${kinds[left.kind]} and ${kinds[right.kind]}`,
      token.at,
    );
  };
  const node = (holds: (a: Value, b: Value) => boolean): Node => ({
    kind: 'truth',
    evaluate: (facts) => {
      const [a, b] = [left.evaluate(facts), right.evaluate(facts)];
      if (a === null || b === null) return 'undecided';
      if (holds(a, b)) return 'yes';
      // What was not read could be what is asked for.
      return [a, b].some((value) => isList(value) && !value.all) ? 'undecided' : 'no';
    },
  });
  const operator = token.text;
  if (operator === 'in') {
    if (left.kind !== 'text' || right.kind !== 'list') return wrong();
    return node((a, b) => typeof a === 'string' && isList(b) && b.some.includes(a));
  }
  if (textual.has(operator)) {
    if ((left.kind !== 'text' && left.kind !== 'list') || right.kind !== 'text') return wrong();
    const fits = textTest(token, right);
    return node((a, b) => (isList(a) ? a.some : [textOf(a)]).some((text) => fits(text, textOf(b))));
  }
  if (left.kind !== right.kind || (left.kind !== 'text' && left.kind !== 'number')) return wrong();
  if (operator === '==') return node((a, b) => a === b);
  if (operator === '!=') return node((a, b) => a !== b);
  if (left.kind !== 'number') return wrong();
  return node((a, b) => ordered(operator, Number(a), Number(b)));
}

function ordered(operator: string, a: number, b: number): boolean {
  if (operator === '<') return a < b;
  if (operator === '>') return a > b;
  return operator === '<=' ? a <= b : a >= b;
}

const textual = new Set(['contains', 'startsWith', 'endsWith', 'matches']);

function textTest(token: Token, right: Node): (text: string, part: string) => boolean {
  switch (token.text) {
    case 'contains':
      return (text, part) => text.includes(part);
    case 'startsWith':
      return (text, part) => text.startsWith(part);
    case 'endsWith':
      return (text, part) => text.endsWith(part);
    default: {
      const pattern = patternOf(token, right);
      return (text) => pattern.test(text);
    }
  }
}

function patternOf(token: Token, { literal }: Node): Pattern {
  if (literal === undefined) {
    throw new ConditionError('matches wants its pattern written out as text', token.at);
  }
  try {
    return compilePattern(literal);
  } catch (cause) {
    if (!(cause instanceof PatternError)) throw cause;
    throw new ConditionError(
      `has a pattern that at its character ${cause.at} ${cause.message}`,
      token.at,
    );
  }
}
