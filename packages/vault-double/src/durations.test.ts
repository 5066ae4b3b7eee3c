import assert from 'node:assert/strict';
import { test } from 'node:test';
import { goDuration, parseDuration, shortDuration } from './durations.ts';

const written: [number, string, string][] = [
  [40, '40s', '40s'],
  [90, '1m30s', '1m30s'],
  [300, '5m0s', '5m'],
  [3600, '1h0m0s', '1h'],
  [3660, '1h1m0s', '1h1m'],
  [768 * 3600, '768h0m0s', '768h'],
];
for (const [seconds, long, short] of written) {
  test(`${seconds} s are ${long}, short ${short}, and read back as the same`, () => {
    assert.equal(goDuration(seconds), long);
    assert.equal(shortDuration(seconds), short);
    assert.equal(parseDuration(long), seconds);
    assert.equal(parseDuration(short), seconds);
  });
}

test('numbers alone are seconds, and a minus is kept', () => {
  assert.equal(parseDuration('90'), 90);
  assert.equal(parseDuration('-5s'), -5);
});

for (const text of ['', '-', 's', '5x', '1s1h', '1.5h']) {
  test(`"${text}" is no duration`, () => {
    assert.equal(parseDuration(text), null);
  });
}
