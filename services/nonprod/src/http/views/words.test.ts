import assert from 'node:assert/strict';
import { test } from 'node:test';
import { duration, fileSize } from './words.ts';

const at = (seconds: number): Date => new Date(seconds * 1000);

test('durations read as people say them', () => {
  assert.equal(duration(at(0), at(0.26)), '0.3 s');
  assert.equal(duration(at(0), at(9.96)), '10 s');
  assert.equal(duration(at(0), at(59)), '59 s');
  assert.equal(duration(at(0), at(61)), '1 min 1 s');
  assert.equal(duration(at(0), at(3720)), '1 h 2 min');
  assert.equal(duration(at(5), at(0)), '0.0 s');
  assert.equal(duration(null, at(0)), '');
});

test('sizes have binary units', () => {
  assert.deepEqual([900, 2048, 5 * 1024 ** 2, 3 * 1024 ** 3].map(fileSize), [
    '900 B',
    '2.0 KiB',
    '5.0 MiB',
    '3.00 GiB',
  ]);
});
