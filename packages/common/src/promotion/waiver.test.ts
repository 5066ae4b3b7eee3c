import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  Justified,
  leastJustification,
  longestJustification,
  waiverMembers,
  waiverOf,
} from './waiver.ts';

const said = { person: 'leo', justification: 'Checkout is down and nobody is awake.' };

test('a document says which of the two it asks for, by the member that it has', () => {
  assert.equal(waiverOf({}), null);
  assert.deepEqual(waiverOf({ breakGlass: said }), { kind: 'break-glass', ...said });
  assert.deepEqual(waiverOf({ override: said }), { kind: 'override', ...said });
});

test('what is read out of a document is what was written into it', () => {
  assert.deepEqual(waiverMembers(null), {});
  for (const kind of ['break-glass', 'override'] as const) {
    assert.deepEqual(waiverOf(waiverMembers({ kind, ...said })), { kind, ...said });
  }
  assert.deepEqual(Object.keys(waiverMembers({ kind: 'override', ...said })), ['override']);
});

test('a justification is a sentence of 20 to 500 characters without white space around it', () => {
  const isSaid = (justification: string): boolean =>
    Justified.safeParse({ person: 'leo', justification }).success;
  assert.equal(isSaid('x'.repeat(leastJustification)), true);
  assert.equal(isSaid('x'.repeat(leastJustification - 1)), false);
  assert.equal(isSaid('x'.repeat(longestJustification)), true);
  assert.equal(isSaid('x'.repeat(longestJustification + 1)), false);
  assert.equal(isSaid(` ${'x'.repeat(leastJustification)}`), false);
});
