import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pauseAfter } from './patience.ts';

test('pauses double from a quarter of a second up to ten seconds', () => {
  const pauses = [1, 2, 3, 6, 7, 40].map((failures) =>
    pauseAfter({ failures, random: 0, retryAfterSeconds: null }),
  );
  assert.deepEqual(pauses, [250, 500, 1_000, 8_000, 10_000, 10_000]);
});

test('chance takes up to half of a pause away', () => {
  assert.equal(pauseAfter({ failures: 1, random: 0.5, retryAfterSeconds: null }), 187.5);
  assert.ok(pauseAfter({ failures: 9, random: 0.999, retryAfterSeconds: null }) > 5_000);
});

test('what was asked for with Retry-After is kept to, up to a minute', () => {
  assert.equal(pauseAfter({ failures: 1, random: 0, retryAfterSeconds: 7 }), 7_000);
  assert.equal(pauseAfter({ failures: 1, random: 0, retryAfterSeconds: 86_400 }), 60_000);
});
