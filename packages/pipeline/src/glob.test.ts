import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import picomatch from 'picomatch';
import { literalGlob, matchesGlob } from './glob.ts';

const cases: [pattern: string, name: string, matches: boolean][] = [
  ['main', 'main', true],
  ['main', 'mainly', false],
  ['main', 'xmain', false],
  ['feature/*', 'feature/a', true],
  ['feature/*', 'feature/a/b', false],
  ['feature/**', 'feature/a/b', true],
  ['**', 'anything/at/all', true],
  ['*', '', true],
  ['v?', 'v1', true],
  ['v?', 'v', false],
  ['a.c', 'abc', false],
  ['*-fix', 'hot-fix', true],
  ['feature/**', 'feature', true],
  ['**/*.md', 'README.md', true],
  ['**/*.md', 'docs/a/b.md', true],
  ['*.md', 'docs/b.md', false],
  ['abc**', 'abc/d', false],
  ['{main,release/*}', 'release/1', true],
  ['{main,release/*}', 'release/1/2', false],
  ['v[0-9].[!x]', 'v1.2', true],
  ['v[0-9].[!x]', 'v1.x', false],
  ['a[!b]c', 'a/c', false],
  ['*\\/*', 'a/b', true],
  ['a\\*', 'a*', true],
  ['a\\*', 'ab', false],
  ['[z-a]', 'b', false],
  ['{open', '{open', false],
];
for (const [pattern, name, matches] of cases) {
  test(`${pattern} ${matches ? 'matches' : 'does not match'} ${name}`, () => {
    assert.equal(matchesGlob(pattern, name), matches);
  });
}

test('a pattern of stars takes no longer than a plain one', () => {
  const start = performance.now();
  assert.equal(matchesGlob(`${'*a'.repeat(60)}b`, 'a'.repeat(250)), false);
  assert.ok(performance.now() - start < 200);
});

test('text made literal matches itself alone', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (text, other) => {
      assert.equal(matchesGlob(literalGlob(text), text), true);
      if (other !== text) assert.equal(matchesGlob(literalGlob(text), other), false);
    }),
  );
});

test('for file patterns of usual forms the answer is picomatch’s', () => {
  const part = fc.constantFrom('a', 'b', '*', 'a*', '?', '*b', '**', '{a,b}', '[ab]', '*.{a,b}');
  const pattern = fc
    .array(part, { minLength: 1, maxLength: 4 })
    .map((parts) => parts.join('/'))
    // Doublestar lets `a/**` match a itself, picomatch only what is below it.
    .filter((glob) => !/.\/\*\*$/.test(glob));
  const name = fc.array(fc.constantFrom('a', 'b', 'ab', 'x.a', 'x.b'), {
    minLength: 1,
    maxLength: 4,
  });
  fc.assert(
    fc.property(
      pattern,
      name.map((parts) => parts.join('/')),
      (glob, path) => {
        assert.equal(matchesGlob(glob, path), picomatch.isMatch(path, glob), `${glob} ${path}`);
      },
    ),
    { numRuns: 1000 },
  );
});
