import assert from 'node:assert/strict';
import { test } from 'node:test';
import { quotaRefusal, waitReason, type QueueUse } from './quota.ts';

const quota = { runsAtOnce: 4, queuedRuns: 10, storedBytes: 1024 ** 3 };
const depth = 100;
const refusal = (use: Partial<QueueUse>): string | null =>
  quotaRefusal(
    'shop/web',
    { queued: 0, waiting: 0, repositories: 1, storedBytes: 0, ...use },
    quota,
    depth,
  );

test('below each quota a run is built; at it the sentence says what is used, what is allowed and when there is room', () => {
  assert.equal(refusal({ queued: 9, waiting: 99, storedBytes: 1024 ** 3 - 1 }), null);
  assert.equal(
    refusal({ queued: 10 }),
    'Not built: 10 runs of shop/web wait already, and 10 may. Push again when they are through.',
  );
  assert.match(
    refusal({ storedBytes: 1024 ** 3 }) ?? '',
    /stores 1024\.0 MiB, and 1024\.0 MiB are allowed\. There is room when old logs/,
  );
});

test('a full line refuses whoever has their share of it, and lets in whoever has less', () => {
  const full = { waiting: 5000, repositories: 20 };
  assert.equal(refusal({ ...full, queued: 4 }), null);
  assert.match(
    refusal({ ...full, queued: 5 }) ?? '',
    /5000 runs wait here, and 100 may; shop\/web has 5 of them, and its share is 5\./,
  );
  assert.equal(refusal({ waiting: 5000, repositories: 4000, queued: 0 }), null);
});

test('a run waits for its repository’s runs or for its person’s hour, and says for which', () => {
  const at = { repository: 'shop/web', going: 3, person: 'dana', personFreeAt: null };
  const limits = { runsAtOnce: 4, runsAPersonAnHour: 2 };
  assert.equal(waitReason(at, limits), null);
  assert.equal(
    waitReason({ ...at, going: 4 }, limits),
    'Waits: 4 runs of shop/web are built or in line, and 4 may be at once. It begins when one of them has ended.',
  );
  const personFreeAt = new Date('2026-11-22T19:05:59Z');
  assert.equal(
    waitReason({ ...at, personFreeAt }, limits),
    'Waits: dana started 2 runs within an hour, and no more may begin. There is room again at 19:05 UTC.',
  );
  assert.equal(
    waitReason({ ...at, going: 999 }, { runsAtOnce: null, runsAPersonAnHour: null }),
    null,
  );
});
