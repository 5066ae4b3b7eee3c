/**
 * `when.evaluate`: the part of Expr (expr-lang.org) that conditions on variables need, as an interpreter of its own that
 * knows no functions, no loops and no fields. Every variable is text; one that is not known is empty.
 *
 *   or         := and (("||" | "or") and)*
 *   and        := not (("&&" | "and") not)*
 *   not        := ("!" | "not") not | comparison
 *   comparison := operand (operator operand)?
 *   operator   := == != < > <= >= | "not"? (in | contains | startsWith | endsWith | matches)
 *   operand    := text | number | true | false | NAME | ${NAME} | $env["NAME"] | $env | [ … ] | "(" or ")"
 */
import { RE2JS } from 're2js';
import { tokenize, ExpressionError, type Token } from './expression-tokens.ts';
import { substituteUnescaped } from './substitution.ts';
import { readEscapes } from './template.ts';

type Kind = 'text' | 'number' | 'truth' | 'list' | 'variables';
type Value = string | number | boolean | readonly string[];
type Variables = Readonly<Record<string, string>>;

interface Node {
  readonly kind: Kind;
  readonly evaluate: (variables: Variables) => Value;
  /** Set for text that stands in the expression itself. */
  readonly literal?: string;
}

export interface Expression {
  holds(variables: Variables): boolean;
}

const maxLength = 4096;
const maxDepth = 32;

/**
 * @param text as the file has it, with Woodpecker's doubled backslashes.
 * @throws ExpressionError with the position in the text, counted from 1, for anything that is not understood.
 */
export function parseExpression(text: string): Expression {
  if (text.length > maxLength) {
    throw new ExpressionError(`has more than ${maxLength} characters`, 1);
  }
  const parser = createParser(tokenize(readEscapes(text)));
  const node = parser.or(0);
  parser.end();
  if (node.kind !== 'truth') throw new ExpressionError('is not true or false', 1);
  return { holds: (variables) => node.evaluate(variables) === true };
}

function createParser(tokens: readonly Token[]) {
  let at = 0;
  const peek = (ahead = 0): Token =>
    tokens[at + ahead] ?? { type: 'end', text: '', at: tokens.at(-1)?.at ?? 1 };
  const is = (...texts: string[]): boolean =>
    ['sign', 'name'].includes(peek().type) && texts.includes(peek().text);
  const take = (): Token => {
    const token = peek();
    at += 1;
    return token;
  };
  const fail = (token: Token): never => {
    const what =
      token.type === 'end' ? 'ends too early' : `does not understand \`${token.text}\` here`;
    throw new ExpressionError(what, token.at);
  };
  const expectKind = (node: Node, kind: Kind, token: Token): Node => {
    if (node.kind === kind) return node;
    throw new ExpressionError(
      `\`${token.text}\` wants ${names[kind]}, not ${names[node.kind]}`,
      token.at,
    );
  };

  function chain(
    depth: number,
    words: string[],
    next: (depth: number) => Node,
    all: boolean,
  ): Node {
    let left = next(depth);
    while (is(...words)) {
      const token = take();
      const [first, second] = [
        expectKind(left, 'truth', token),
        expectKind(next(depth), 'truth', token),
      ];
      left = {
        kind: 'truth',
        evaluate: (variables) =>
          all
            ? first.evaluate(variables) === true && second.evaluate(variables) === true
            : first.evaluate(variables) === true || second.evaluate(variables) === true,
      };
    }
    return left;
  }

  const or = (depth: number): Node => chain(depth, ['||', 'or'], and, false);
  const and = (depth: number): Node => chain(depth, ['&&', 'and'], not, true);

  function not(depth: number): Node {
    if (depth > maxDepth) throw new ExpressionError(`is nested deeper than ${maxDepth}`, peek().at);
    if (!is('!', 'not')) return comparison(depth);
    const token = take();
    const inner = expectKind(not(depth + 1), 'truth', token);
    return { kind: 'truth', evaluate: (variables) => inner.evaluate(variables) !== true };
  }

  function comparison(depth: number): Node {
    const left = operand(depth);
    const negated = is('not') && wordOperators.has(peek(1).text);
    if (!negated && !is(...symbolOperators, ...wordOperators)) return left;
    if (negated) take();
    const token = take();
    const node = compare(token, left, operand(depth));
    return negated
      ? { kind: 'truth', evaluate: (variables) => node.evaluate(variables) !== true }
      : node;
  }

  function operand(depth: number): Node {
    const token = take();
    if (token.type === 'text') return textNode(token.text);
    if (token.type === 'number') {
      const number = Number(token.text);
      return { kind: 'number', evaluate: () => number };
    }
    if (token.type === 'variable') return variableNode(token.text);
    if (token.text === '(' && token.type === 'sign') {
      const inner = or(depth + 1);
      if (!is(')')) fail(peek());
      take();
      return inner;
    }
    if (token.text === '[' && token.type === 'sign') return list();
    if (token.type !== 'name' || reserved.has(token.text)) return fail(token);
    if (token.text === 'true' || token.text === 'false') {
      const truth = token.text === 'true';
      return { kind: 'truth', evaluate: () => truth };
    }
    if (is('(')) throw new ExpressionError(`knows no functions such as ${token.text}()`, token.at);
    if (is('.', '?.'))
      throw new ExpressionError('knows no fields; variables are plain text', peek().at);
    return token.text === '$env' ? environment() : variableNode(token.text);
  }

  function environment(): Node {
    if (!is('[')) return { kind: 'variables', evaluate: (variables) => Object.keys(variables) };
    take();
    const name = take();
    if (name.type !== 'text') fail(name);
    if (!is(']')) fail(peek());
    take();
    return variableNode(name.text);
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
    return { kind: 'list', evaluate: () => items };
  }

  const end = (): void => {
    if (peek().type !== 'end') fail(peek());
  };
  return { or, end };
}

const names: Readonly<Record<Kind, string>> = {
  text: 'text',
  number: 'a number',
  truth: 'true or false',
  list: 'a list',
  variables: '$env',
};
const symbolOperators = ['==', '!=', '<', '>', '<=', '>='];
const wordOperators = new Set(['in', 'contains', 'startsWith', 'endsWith', 'matches']);
const reserved = new Set([...wordOperators, 'and', 'or', 'not', 'nil']);

/** `"${NAME}"` within text is put in after parsing, so that no value can write a part of the expression. */
function textNode(text: string): Node {
  return {
    kind: 'text',
    literal: text,
    evaluate: (variables) => substituteUnescaped(text, variables),
  };
}

function variableNode(name: string): Node {
  return {
    kind: 'text',
    evaluate: (variables) => (Object.hasOwn(variables, name) ? (variables[name] ?? '') : ''),
  };
}

function compare(token: Token, left: Node, right: Node): Node {
  const operator = token.text;
  const wrong = (): never => {
    throw new ExpressionError(
      `\`${operator}\` cannot stand between ${names[left.kind]} and ${names[right.kind]}`,
      token.at,
    );
  };
  if (operator === 'in') {
    if (left.kind !== 'text' || (right.kind !== 'list' && right.kind !== 'variables'))
      return wrong();
    return truth(left, right, (one, many) => Array.isArray(many) && many.includes(one));
  }
  if (operator === 'matches') return matching(token, left, right, wrong);
  if (left.kind !== right.kind) return wrong();
  if (operator === '==') return truth(left, right, (a, b) => a === b);
  if (operator === '!=') return truth(left, right, (a, b) => a !== b);
  if (left.kind === 'text' && wordOperators.has(operator)) {
    return truth(left, right, (a, b) => {
      const [text, part] = [String(a), String(b)];
      if (operator === 'contains') return text.includes(part);
      return operator === 'startsWith' ? text.startsWith(part) : text.endsWith(part);
    });
  }
  if (wordOperators.has(operator) || (left.kind !== 'text' && left.kind !== 'number'))
    return wrong();
  return truth(left, right, (a, b) => {
    if (operator === '<') return a < b;
    if (operator === '>') return a > b;
    return operator === '<=' ? a <= b : a >= b;
  });
}

/** RE2, whose time is linear, and only patterns that stand in the expression, so that no value of a run is one. */
function matching(token: Token, left: Node, right: Node, wrong: () => never): Node {
  if (left.kind !== 'text' || right.kind !== 'text') return wrong();
  if (right.literal === undefined) {
    throw new ExpressionError('`matches` wants its pattern written out as text', token.at);
  }
  let pattern: RE2JS;
  try {
    pattern = RE2JS.compile(right.literal);
  } catch (error) {
    const why = error instanceof Error ? error.message : 'it is none';
    throw new ExpressionError(
      `has a pattern that is no regular expression of RE2: ${why}`,
      token.at,
    );
  }
  return { kind: 'truth', evaluate: (variables) => pattern.test(String(left.evaluate(variables))) };
}

function truth(left: Node, right: Node, holds: (a: Value, b: Value) => boolean): Node {
  return {
    kind: 'truth',
    evaluate: (variables) => holds(left.evaluate(variables), right.evaluate(variables)),
  };
}
