import assert from 'node:assert/strict';
import { test } from 'node:test';
import { interleave, median, perCpuSecond } from './harness.ts';

test('the median is the middle one, or lies between the two middle ones', () => {
  assert.equal(median([30, 1, 2]), 2);
  assert.equal(median([4, 1, 3, 2]), 2.5);
  assert.throws(() => median([]), RangeError);
});

test('works take turns, each round in the other order, and the first round does not count', async () => {
  const order: string[] = [];
  const samples = await interleave(3, {
    a: () => order.push('a'),
    b: () => Promise.resolve(order.push('b')),
  });
  assert.equal(order.join(''), 'abbaabba');
  assert.deepEqual(samples, { a: [4, 5, 8], b: [3, 6, 7] });
});

test('work is counted by processor time', () => {
  let times = 0;
  const rate = perCpuSecond(3, () => {
    times += 1;
    for (let spin = 0; spin < 3e6; spin += 1) Math.sqrt(spin);
  });
  assert.equal(times, 3);
  assert.ok(rate > 0 && rate < 1e6, String(rate));
});
