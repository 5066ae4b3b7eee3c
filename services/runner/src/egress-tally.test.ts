import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createEgressTally } from './egress-tally.ts';

test('what the networks of a job carried is one sum, and the next job begins at nothing', () => {
  const tally = createEgressTally();
  tally.add({ allowed: 1, refused: 2, bytesIn: 30, bytesOut: 4 });
  tally.add({ allowed: 1, refused: 0, bytesIn: 5, bytesOut: 6 });
  assert.deepEqual(tally.take(), { allowed: 2, refused: 2, bytesIn: 35, bytesOut: 10 });
  assert.deepEqual(tally.take(), { allowed: 0, refused: 0, bytesIn: 0, bytesOut: 0 });
});
