/**
 * Many patterns sought at once, after Wu and Manber, "A fast algorithm for multi-pattern searching", 1994: the last few bytes
 * of the place that is looked at say how far no pattern can begin, so that most of a text is never compared with anything.
 */
import type { SecretForms } from './forms.ts';

export type PatternSet = {
  /**
   * Reports every occurrence, by ascending start, up to the place from which on nothing can be decided because a pattern
   * may have begun that goes on behind the end.
   *
   * @param isAll nothing comes behind the end, so that everything can be decided.
   * @returns that place; `text.length` when nothing may have begun.
   */
  scan(text: Uint8Array, isAll: boolean, found: (start: number, end: number) => void): number;
};

/** No pattern is shorter, however short the secrets that a set is made for. */
export const shortestPattern = 4;

type Pattern = { readonly source: Buffer; readonly from: number; readonly length: number };

export function compilePatterns(secrets: readonly SecretForms[]): PatternSet {
  const patterns = distinct(secrets);
  if (patterns.length === 0) return { scan: ({ length }) => length };

  const shortest = patterns.reduce((least, { length }) => Math.min(least, length), 64);
  // A longer block tells more patterns apart, a shorter one lets shifts of short patterns be long enough to matter.
  const block = shortest >= 8 ? 4 : shortest >= 6 ? 3 : 2;
  const bits = Math.min(22, Math.max(12, Math.ceil(Math.log2(patterns.length * 16))));
  const drop = 32 - bits;
  const farthest = shortest - block + 1;

  const shifts = new Uint8Array(2 ** bits).fill(farthest);
  /** Patterns by the block that ends at `shortest`, and by their first four bytes. */
  const byEnd = createChains(bits, patterns.length);
  const byStart = createChains(bits, patterns.length);
  /** The first one, two or three bytes of any pattern. */
  const beginnings = new Set<number>();

  const hashEnd = (text: Uint8Array, end: number): number => {
    const two = byteAt(text, end) | (byteAt(text, end - 1) << 8);
    if (block === 2) return Math.imul(two, multiplier) >>> drop;
    const three = two | (byteAt(text, end - 2) << 16);
    if (block === 3) return Math.imul(three, multiplier) >>> drop;
    return Math.imul(three | (byteAt(text, end - 3) << 24), multiplier) >>> drop;
  };
  const hashStart = (text: Uint8Array, at: number): number =>
    Math.imul(
      byteAt(text, at + 3) |
        (byteAt(text, at + 2) << 8) |
        (byteAt(text, at + 1) << 16) |
        (byteAt(text, at) << 24),
      multiplier,
    ) >>> drop;

  for (const [index, { source, from }] of patterns.entries()) {
    for (let end = block - 1; end < shortest; end += 1) {
      const hash = hashEnd(source, from + end);
      shifts[hash] = Math.min(shifts[hash] ?? farthest, shortest - 1 - end);
    }
    byEnd.add(hashEnd(source, from + shortest - 1), index);
    byStart.add(hashStart(source, from), index);
    for (let length = 1; length < shortestPattern; length += 1) {
      beginnings.add(beginning(source, from, length));
    }
  }

  /** How much of a pattern stands at `at`: all, some that the end of the text cuts off, or nothing. */
  function compare(text: Uint8Array, at: number, index: number): 'whole' | 'cut' | 'none' {
    const pattern = patterns[index];
    if (pattern === undefined) return 'none';
    const { source, from, length } = pattern;
    const there = Math.min(length, text.length - at);
    for (let next = 0; next < there; next += 1) {
      if (text[at + next] !== source[from + next]) return 'none';
    }
    return there === length ? 'whole' : 'cut';
  }

  /** Whether a pattern may begin at `at`, where fewer bytes are left than the shortest pattern has. */
  function mayBegin(text: Uint8Array, at: number): boolean {
    const length = text.length - at;
    if (length < shortestPattern) return beginnings.has(beginning(text, at, length));
    const hash = hashStart(text, at);
    for (let index = byStart.first(hash); index >= 0; index = byStart.next(index)) {
      if (compare(text, at, index) !== 'none') return true;
    }
    return false;
  }

  return {
    scan(text, isAll, found) {
      let end = shortest - 1;
      while (end < text.length) {
        const hash = hashEnd(text, end);
        const shift = shifts[hash] ?? 0;
        if (shift > 0) {
          end += shift;
          continue;
        }
        const start = end - shortest + 1;
        let isCut = false;
        for (let index = byEnd.first(hash); index >= 0; index = byEnd.next(index)) {
          const seen = compare(text, start, index);
          if (seen === 'whole') found(start, start + (patterns[index]?.length ?? 0));
          else if (seen === 'cut') isCut = true;
        }
        if (isCut && !isAll) return start;
        end += 1;
      }
      if (isAll) return text.length;
      for (let at = end - shortest + 1; at < text.length; at += 1) {
        if (mayBegin(text, at)) return at;
      }
      return text.length;
    },
  };
}

/** Knuth's multiplicative hash. */
const multiplier = 0x9e37_79b1;

function byteAt(text: Uint8Array, at: number): number {
  return text[at] ?? 0;
}

function beginning(text: Uint8Array, at: number, length: number): number {
  let value = length;
  for (let next = 0; next < length; next += 1) value = value * 256 + byteAt(text, at + next);
  return value;
}

function distinct(secrets: readonly SecretForms[]): Pattern[] {
  const found = new Map<string, Pattern>();
  const add = (source: Buffer, from: number, length: number): void => {
    if (length < shortestPattern) return;
    const key = source.toString('latin1', from, from + length);
    if (!found.has(key)) found.set(key, { source, from, length });
  };
  for (const { texts, pieces } of secrets) {
    for (const text of texts) add(text, 0, text.length);
    for (const { form, size } of pieces) {
      const length = Math.min(size, form.length);
      for (let from = 0; from + length <= form.length; from += 1) add(form, from, length);
    }
  }
  return [...found.values()];
}

/** Lists of small numbers by hash, in two arrays instead of one object each. */
function createChains(bits: number, size: number) {
  const heads = new Int32Array(2 ** bits).fill(-1);
  const nexts = new Int32Array(size).fill(-1);
  return {
    add(hash: number, index: number): void {
      nexts[index] = heads[hash] ?? -1;
      heads[hash] = index;
    },
    first: (hash: number): number => heads[hash] ?? -1,
    next: (index: number): number => nexts[index] ?? -1,
  };
}
