import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compilePattern, PatternError } from './linear-pattern.ts';

/** Patterns of the part that is understood, written the same for both engines. */
const atom = fc.constantFrom('a', 'b', '/', '.', '\\.', '[ab]', '[^a]', '[a-c]', '\\d', '\\W');
const pattern = fc.letrec<{ one: string; many: string }>((tie) => ({
  one: fc.oneof(
    { weight: 5, arbitrary: atom },
    { weight: 1, arbitrary: fc.constantFrom('^', '$') },
    { weight: 2, arbitrary: tie('many').map((inner) => `(${inner})`) },
    { weight: 1, arbitrary: tie('many').map((inner) => `(?:${inner})*`) },
  ),
  many: fc
    .array(fc.tuple(tie('one'), fc.constantFrom('', '', '*', '+', '?')), { maxLength: 4 })
    .map((parts) =>
      // What JavaScript does not repeat is not repeated here either.
      parts.map(([part, sign]) => (/^[$^]$|[*]$/.test(part) ? part : part + sign)).join(''),
    ),
})).many;
const either = fc.array(pattern, { minLength: 1, maxLength: 3 }).map((all) => all.join('|'));
const text = fc
  .array(fc.constantFrom('a', 'b', 'c', '.', '/', '1'), { maxLength: 8 })
  .map((signs) => signs.join(''));

test('what matches is what JavaScript finds for the same pattern', () => {
  fc.assert(
    fc.property(either, text, (source, subject) => {
      assert.equal(compilePattern(source).test(subject), new RegExp(source, 'u').test(subject));
    }),
    { numRuns: 3000 },
  );
});

test('a pattern that makes others backtrack for years is answered', { timeout: 5000 }, () => {
  const subject = `${'a'.repeat(4096)}!`;
  assert.equal(compilePattern('^(a+)+$').test(subject), false);
  assert.equal(compilePattern('^(a|a)*(a|aa)*$').test(subject), false);
});

for (const [source, at, message] of [
  ['a{2}', 2, /does not count/],
  ['*a', 1, /nothing before it/],
  ['a**', 3, /does not understand/],
  ['(a', 1, /never closes/],
  ['a)', 2, /never opened/],
  ['[a', 1, /never closes/],
  ['[]', 1, /accepts nothing/],
  ['[z-a]', 2, /backwards/],
  ['(?=a)', 2, /only \(\?: \)/],
  ['a\\', 3, /single/],
  ['\\b', 2, /knows no/],
  ['a'.repeat(257), 1, /longer/],
  ['('.repeat(40), 34, /deeper/],
] as const) {
  test(`${source.slice(0, 12)} is refused at its place`, () => {
    assert.throws(
      () => compilePattern(source),
      (error) => error instanceof PatternError && error.at === at && message.test(error.message),
    );
  });
}
