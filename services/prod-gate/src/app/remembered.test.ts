import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { remembered } from './remembered.ts';

test('whatever is asked in whatever order, an answer is that of its own mirror and key, and at most so many are kept', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 5 }),
      fc.array(fc.tuple(fc.nat(1), fc.nat(7)), { maxLength: 60 }),
      async (most, questions) => {
        const mirrors = [{}, {}] as const;
        const once = remembered<string>(most);
        // The newest keys of each mirror, as they would be kept.
        const kept: [number[], number[]] = [[], []];
        for (const [at, key] of questions) {
          let reads = 0;
          const [mirror, held] = at === 0 ? [mirrors[0], kept[0]] : [mirrors[1], kept[1]];
          const answer = await once(mirror, `key ${key}`, () => {
            reads += 1;
            return Promise.resolve(`${at} ${key}`);
          });
          assert.equal(answer, `${at} ${key}`);
          const place = held.indexOf(key);
          assert.equal(reads, place === -1 ? 1 : 0);
          if (place !== -1) held.splice(place, 1);
          held.push(key);
          if (held.length > most) held.shift();
        }
      },
    ),
  );
});

test('an answer that may be another one later is asked for again, and so is one that failed', async () => {
  const mirror = {};
  const once = remembered<number | null>(4, (answer) => answer !== null);
  const answers: (number | null | Error)[] = [null, new Error('git died'), 7, 8];
  const read = (): Promise<number | null> => {
    const next = answers.shift();
    return next instanceof Error ? Promise.reject(next) : Promise.resolve(next ?? null);
  };
  assert.equal(await once(mirror, 'a', read), null);
  await assert.rejects(once(mirror, 'a', read), /git died/);
  assert.equal(await once(mirror, 'a', read), 7);
  assert.equal(await once(mirror, 'a', read), 7);
});

test('those who ask at once wait for one reading', async () => {
  const mirror = {};
  const once = remembered<number>(4);
  let reads = 0;
  const read = async (): Promise<number> => {
    await Promise.resolve();
    return (reads += 1);
  };
  assert.deepEqual(await Promise.all([once(mirror, 'a', read), once(mirror, 'a', read)]), [1, 1]);
});
