/** docs/controls.md counts what is kept; what it counts by must be there. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { faults } from '../controls/page.ts';
import { rows } from '../controls/rows.ts';

test('each of the 169 promises stands once, and each test that shows one is there', () => {
  assert.deepEqual(faults(), []);
});

test('a test that is not there, a promise that nothing shows and one that is left out are faults', () => {
  const first = rows.find(({ id }) => id === 'V3');
  assert.ok(first);
  const others = rows.filter((row) => row !== first);
  const claimed = { ...first, missing: null };
  assert.match(faults([claimed, ...others]).join(), /V3 is claimed, and nothing shows it/);
  const tests = [`tests/docs/controls.test.ts: ${['no', 'such', 'title'].join(' ')}`];
  assert.match(faults([{ ...claimed, tests }, ...others]).join(), /V3: .* has no test whose title/);
  assert.match(faults(others).join(), /168 rows/);
});
