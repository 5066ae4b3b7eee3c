/**
 * Regular expressions whose time grows with the text alone, whatever the pattern: the names of files are written by whoever
 * commits, and a pattern that backtracks would let them hold up every decision. A part of RE2's syntax (Thompson's
 * construction, simulated); what is not in it is refused and never read as something else.
 */
import { AirlockError } from '../errors.ts';

/** `at`: the character of the pattern, counted from 1. */
export class PatternError extends AirlockError<'pattern-malformed'> {
  readonly at: number;

  constructor(what: string, at: number) {
    super('pattern-malformed', what);
    this.at = at;
  }
}

export type Pattern = {
  /** Whether it is found anywhere in the text; `^` and `$` stand for its ends alone. */
  test(text: string): boolean;
};

const maxPatternLength = 256;
const maxPatternDepth = 32;

type Accepts = (sign: string) => boolean;
type Instruction =
  | { readonly kind: 'sign'; readonly accepts: Accepts }
  | { readonly kind: 'split'; readonly to: readonly number[] }
  | { readonly kind: 'start' | 'end' | 'found' };

type Node =
  | { readonly kind: 'sign'; readonly accepts: Accepts }
  | { readonly kind: 'start' | 'end' }
  | { readonly kind: 'all' | 'any'; readonly parts: readonly Node[] }
  | { readonly kind: 'repeat'; readonly part: Node; readonly sign: '*' | '+' | '?' };

/**
 * @param source letters as they stand, `.`, `[a-z]`, `[^/]`, `\d \w \s` and their capitals, `( )`, `(?: )`, `|`, `*`, `+`,
 *   `?`, `^`, `$`, and `\` before a sign that stands for itself. At most 256 characters.
 * @throws PatternError for anything else.
 */
export function compilePattern(source: string): Pattern {
  if (source.length > maxPatternLength) {
    throw new PatternError(`is longer than ${maxPatternLength} characters`, 1);
  }
  const program: Instruction[] = [];
  emit(parse(source), program);
  program.push({ kind: 'found' });
  return { test: (text) => run(program, text) };
}

function parse(source: string): Node {
  const signs = Array.from(source);
  let at = 0;
  const fail = (what: string, where = at): never => {
    throw new PatternError(what, where + 1);
  };

  function either(depth: number): Node {
    if (depth > maxPatternDepth) fail(`is nested deeper than ${maxPatternDepth}`);
    const parts = [sequence(depth)];
    while (signs[at] === '|') {
      at += 1;
      parts.push(sequence(depth));
    }
    return { kind: 'any', parts };
  }

  function sequence(depth: number): Node {
    const parts: Node[] = [];
    while (at < signs.length && signs[at] !== '|' && signs[at] !== ')') {
      parts.push(repeated(one(depth)));
    }
    return { kind: 'all', parts };
  }

  function repeated(part: Node): Node {
    const sign = signs[at];
    if (sign === '{') fail('does not count with {n}; write the part out');
    if (sign !== '*' && sign !== '+' && sign !== '?') return part;
    at += 1;
    const next = signs[at];
    if (next === '*' || next === '+' || next === '?') fail(`does not understand ${sign}${next}`);
    return { kind: 'repeat', part, sign };
  }

  function one(depth: number): Node {
    const where = at;
    const sign = signs[at] ?? '';
    at += 1;
    switch (sign) {
      case '.':
        return { kind: 'sign', accepts: (found) => found !== '\n' };
      case '^':
        return { kind: 'start' };
      case '$':
        return { kind: 'end' };
      case '[':
        return { kind: 'sign', accepts: range(where) };
      case '\\':
        return { kind: 'sign', accepts: escaped() };
      case '(':
        return group(depth, where);
      case '*':
      case '+':
      case '?':
      case '{':
        return fail(`${sign} has nothing before it to repeat; write \\${sign} for the sign`, where);
      default:
        return { kind: 'sign', accepts: (found) => found === sign };
    }
  }

  function group(depth: number, where: number): Node {
    if (signs[at] === '?') {
      if (signs[at + 1] !== ':') fail('knows of the groups with ? only (?: )');
      at += 2;
    }
    const inner = either(depth + 1);
    if (signs[at] !== ')') fail('opens a group here and never closes it', where);
    at += 1;
    return inner;
  }

  function escaped(): Accepts {
    const sign = signs[at];
    if (sign === undefined) return fail('ends in a single \\');
    const named = classes[sign.toLowerCase()];
    if (named !== undefined) {
      at += 1;
      return sign === sign.toLowerCase() ? named : (found) => !named(found);
    }
    if (/[A-Za-z0-9]/.test(sign)) return fail(`knows no \\${sign}; known are \\d, \\w and \\s`);
    at += 1;
    return (found) => found === sign;
  }

  function range(where: number): Accepts {
    const negated = signs[at] === '^';
    if (negated) at += 1;
    const accepts: Accepts[] = [];
    while (signs[at] !== ']') {
      if (at >= signs.length) fail('opens [ here and never closes it', where);
      accepts.push(rangeItem());
    }
    at += 1;
    if (accepts.length === 0) fail('[] accepts nothing', where);
    return (found) => accepts.some((accept) => accept(found)) !== negated;
  }

  function rangeItem(): Accepts {
    const from = signs[at] ?? '';
    at += 1;
    if (from === '\\') return escaped();
    if (signs[at] !== '-' || signs[at + 1] === ']' || signs[at + 1] === undefined) {
      return (found) => found === from;
    }
    const to = signs[at + 1] ?? '';
    if (to === '\\') fail('wants plain signs at both ends of a range');
    at += 2;
    const [low, high] = [codeOf(from), codeOf(to)];
    if (low > high) fail(`${from}-${to} runs backwards`, at - 3);
    return (found) => low <= codeOf(found) && codeOf(found) <= high;
  }

  const whole = either(0);
  if (at < signs.length) fail('closes a group that was never opened');
  return whole;
}

const codeOf = (sign: string): number => sign.codePointAt(0) ?? 0;

const classes: Readonly<Record<string, Accepts>> = {
  d: (sign) => /^[0-9]$/.test(sign),
  w: (sign) => /^[A-Za-z0-9_]$/.test(sign),
  s: (sign) => /^[\t\n\f\r ]$/.test(sign),
};

function emit(node: Node, program: Instruction[]): void {
  switch (node.kind) {
    case 'sign':
    case 'start':
    case 'end':
      program.push(node);
      return;
    case 'all':
      for (const part of node.parts) emit(part, program);
      return;
    case 'any':
      emitAny(node.parts, program);
      return;
    case 'repeat': {
      const from = program.length;
      if (node.sign !== '+') program.push({ kind: 'split', to: [] });
      emit(node.part, program);
      if (node.sign !== '?') program.push({ kind: 'split', to: [from, program.length + 1] });
      if (node.sign !== '+') program[from] = { kind: 'split', to: [from + 1, program.length] };
    }
  }
}

function emitAny(parts: readonly Node[], program: Instruction[]): void {
  const split = program.length;
  program.push({ kind: 'split', to: [] });
  const starts: number[] = [];
  const leaves: number[] = [];
  for (const part of parts) {
    starts.push(program.length);
    emit(part, program);
    leaves.push(program.length);
    program.push({ kind: 'split', to: [] });
  }
  program[split] = { kind: 'split', to: starts };
  for (const leave of leaves) program[leave] = { kind: 'split', to: [program.length] };
}

/** All places in the program at once, each at most once a sign: that is what keeps it linear. */
function run(program: readonly Instruction[], text: string): boolean {
  const signs = Array.from(text);
  let threads = new Set<number>();
  for (let at = 0; ; at += 1) {
    reach(program, threads, 0, { isStart: at === 0, isEnd: at === signs.length });
    if ([...threads].some((place) => program[place]?.kind === 'found')) return true;
    const sign = signs[at];
    if (sign === undefined) return false;
    const edges = { isStart: false, isEnd: at + 1 === signs.length };
    const next = new Set<number>();
    for (const place of threads) {
      const instruction = program[place];
      if (instruction?.kind === 'sign' && instruction.accepts(sign)) {
        reach(program, next, place + 1, edges);
      }
    }
    threads = next;
  }
}

/** Adds every place that is reached from `from` without a sign. */
function reach(
  program: readonly Instruction[],
  threads: Set<number>,
  from: number,
  edges: { readonly isStart: boolean; readonly isEnd: boolean },
): void {
  const open = [from];
  for (let place = open.pop(); place !== undefined; place = open.pop()) {
    if (threads.has(place)) continue;
    threads.add(place);
    const instruction = program[place];
    if (instruction?.kind === 'split') open.push(...instruction.to);
    if (instruction?.kind === 'start' && edges.isStart) open.push(place + 1);
    if (instruction?.kind === 'end' && edges.isEnd) open.push(place + 1);
  }
}
