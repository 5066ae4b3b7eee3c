import fc from 'fast-check';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createByteQueues } from './byte-queue.ts';

const act = fc.oneof(
  fc.record({ push: fc.integer({ min: 0, max: 200_000 }) }),
  fc.record({ drop: fc.double({ min: 0, max: 1, noNaN: true }) }),
  fc.record({ look: fc.integer({ min: 0, max: 300_000 }) }),
);

test('what was pushed comes out once and in order, for queues that share their memory', () => {
  let next = 0;
  const numbered = (length: number): Buffer =>
    Buffer.alloc(
      length,
      Buffer.from(Array.from({ length: 251 }, (_, at) => (next = (next + 7 + at) % 256))),
    );
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 0, max: 2 }), act), { maxLength: 40 }),
      (acts) => {
        const newQueue = createByteQueues();
        const queues = Array.from({ length: 3 }, () => ({
          queue: newQueue(),
          model: Buffer.alloc(0),
        }));
        for (const [at, what] of acts) {
          const one = queues[at];
          assert.ok(one !== undefined);
          if ('push' in what) {
            const bytes = numbered(what.push);
            one.model = Buffer.concat([one.model, bytes]);
            one.queue.push(bytes);
            bytes.fill(0);
          } else if ('drop' in what) {
            const count = Math.floor(one.model.length * what.drop);
            one.model = one.model.subarray(count);
            one.queue.drop(count);
          } else {
            const seen = Buffer.concat(one.queue.front(what.look));
            assert.ok(seen.equals(one.model.subarray(0, what.look)));
          }
          assert.equal(one.queue.length, one.model.length);
        }
        for (const { queue, model } of queues) {
          assert.ok(Buffer.concat(queue.front(queue.length)).equals(model));
        }
      },
    ),
    { numRuns: 100 },
  );
});

test('what was seen stays as it is while more is pushed', () => {
  const queue = createByteQueues()();
  queue.push(Buffer.from('first'));
  const [seen] = queue.front(5);
  queue.push(Buffer.from('second'));
  assert.equal(seen?.toString(), 'first');
});
