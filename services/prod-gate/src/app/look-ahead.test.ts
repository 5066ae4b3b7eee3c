import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLookAhead } from './look-ahead.ts';

type Row = { id: string; promotionDigest: string };
const row = (id: number, digest = 'a'): Row => ({ id: `prm_${id}`, promotionDigest: digest });

function world(waiting: Row[]) {
  const asked: string[] = [];
  const pass = createLookAhead({
    waiting: () => Promise.resolve(waiting),
    judge: (id) => {
      asked.push(id);
      return id === 'prm_13' ? Promise.reject(new Error('judged badly')) : Promise.resolve();
    },
  });
  return {
    waiting,
    async pass(): Promise<string[]> {
      asked.length = 0;
      await pass();
      return [...asked];
    },
    asked,
  };
}

test('each that waits is looked at when it is new or came to differ, and the newest always', async () => {
  const one = world([row(1), row(2)]);
  assert.deepEqual(await one.pass(), ['prm_1', 'prm_2']);
  assert.deepEqual(await one.pass(), ['prm_2']);
  one.waiting.splice(0, 1, row(1, 'b'));
  assert.deepEqual(await one.pass(), ['prm_1']);
  one.waiting.splice(0);
  assert.deepEqual(await one.pass(), []);
  one.waiting.push(row(1, 'b'));
  assert.deepEqual(await one.pass(), ['prm_1']);
});

test('of many the newest are looked at first, and the others in the passes after it', async () => {
  const all = Array.from({ length: 40 }, (_, at) => row(at + 100));
  const one = world(all);
  const seen = [await one.pass(), await one.pass(), await one.pass()];
  assert.deepEqual(
    seen.map(({ length }) => length),
    [16, 16, 8],
  );
  assert.equal(seen[0]?.at(-1), 'prm_139');
  assert.equal(new Set(seen.flat()).size, 40);
});

test('one that cannot be judged is told, and holds up no other', async () => {
  const one = world([row(13), row(14)]);
  await assert.rejects(one.pass(), /judged badly/);
  assert.deepEqual(one.asked, ['prm_13', 'prm_14']);
});
