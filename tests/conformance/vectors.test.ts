import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { runConformance, type ConformanceKind } from '@airlock/cli/conformance';

const vectors = new URL('../vectors/', import.meta.url);

function casesOf(kind: ConformanceKind) {
  const directory = new URL(`${kind}/`, vectors);
  return readdirSync(directory)
    .filter((name) => name.endsWith('.json'))
    .map((name) => ({ name, text: readFileSync(new URL(name, directory), 'utf8') }));
}

for (const [kind, count] of [
  ['admission', 92],
  ['approval', 20],
] as const) {
  for (const vector of casesOf(kind)) {
    test(`${kind} vector ${vector.name} gives its code`, () => {
      const { lines, failed } = runConformance(kind, [vector]);
      assert.equal(failed, 0, lines[0]);
    });
  }

  test(`there are ${count} ${kind} vectors`, () => {
    assert.equal(casesOf(kind).length, count);
  });
}

test('a case that expects something else, and a file that is no case, fail', () => {
  const [good] = casesOf('approval');
  assert.ok(good !== undefined);
  const wrong = { name: 'wrong.json', text: good.text.replace('"OK"', '"E_APPROVAL_DUP"') };
  const { lines, passed, failed } = runConformance('approval', [
    good,
    wrong,
    { name: 'not-json.json', text: '{' },
    { name: 'empty.json', text: '{}' },
  ]);
  assert.deepEqual(lines, [
    'A00 OK OK',
    'A00 E_APPROVAL_DUP OK',
    'not-json.json CASE UNREADABLE',
    'empty.json CASE UNREADABLE',
    '1 passed, 3 failed',
  ]);
  assert.deepEqual([passed, failed], [1, 3]);
});
