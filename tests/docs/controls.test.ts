/** docs/controls.md counts what is kept; what it counts by must be there. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { faults } from '../controls/page.ts';
import { rows } from '../controls/rows.ts';

test('each of the 169 promises stands once, and each test that shows one is there', () => {
  assert.deepEqual(faults(), []);
});

test('a test that is not there, a promise that nothing shows and one that is left out are faults', () => {
  const [first, ...others] = rows;
  assert.ok(first);
  const claimed = { ...first, missing: null };
  assert.match(faults([claimed, ...others]).join(), /V1 is claimed, and nothing shows it/);
  const tests = [`tests/docs/controls.test.ts: ${['no', 'such', 'title'].join(' ')}`];
  assert.match(faults([{ ...claimed, tests }, ...others]).join(), /V1: .* has no test whose title/);
  assert.match(faults(others).join(), /168 rows/);
});
