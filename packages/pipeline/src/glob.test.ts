import assert from 'node:assert/strict';
import { test } from 'node:test';
import { matchesGlob } from './glob.ts';

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
