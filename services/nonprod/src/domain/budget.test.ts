import assert from 'node:assert/strict';
import { test } from 'node:test';
import { budgetRefusal, triggerOf } from './budget.ts';

const budget = { buildsADay: 10, minutesADay: 30 };
const refusal = (builds: number, seconds: number): string | null =>
  budgetRefusal('shop/web', 'push', { builds, seconds }, budget);

test('below its budget a repository builds; at it the sentence says what was used and what mends it', () => {
  assert.equal(refusal(9, 1799), null);
  assert.match(
    refusal(10, 0) ?? '',
    /10 builds of shop\/web by push.*10 are allowed.*\/api\/v1\/budgets/,
  );
  assert.match(refusal(0, 1800) ?? '', /30 minutes today, and 30 are allowed/);
});

test('every event counts against one trigger', () => {
  assert.deepEqual(
    ['push', 'tag', 'release', 'pull_request_closed', 'deployment', 'manual', 'cron'].map(
      triggerOf,
    ),
    ['push', 'push', 'push', 'pull_request', 'manual', 'manual', 'cron'],
  );
});
