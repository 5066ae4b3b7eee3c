/** Redis is a doorbell. Whatever happens to it, what waits in Postgres goes on. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { approveAs, lookAtProduction, waitForEnd } from '@airlock/demo/flow';
import { startRedis } from '@airlock/testkit/redis';
import { runningPair } from '../support/pair.ts';
import { assertWaits, waitingPromotion } from '../support/promotion.ts';

const sides = ['nonprod', 'gate'] as const;

test('Redis wiped while a promotion waits with one approval: the second one still brings it live', async () => {
  const pair = await runningPair();
  const promotion = await waitingPromotion(pair);
  await approveAs(pair, 'leo', promotion);
  await Promise.all(sides.map((side) => pair.redis[side].flush()));
  await assertWaits(pair, promotion, { code: 'E_APPROVALS_MISSING', have: 1 });
  await approveAs(pair, 'mira', promotion);
  const { state, release } = await waitForEnd(pair, promotion);
  assert.equal(state, 'live');
  assert.ok((await lookAtProduction(pair)).releases.includes(release));
});

test('without Redis a commit is built, asked for, approved and delivered; it comes back unnoticed', async () => {
  const pair = await runningPair();
  await Promise.all(sides.map((side) => pair.redis[side].stop()));
  try {
    const promotion = await waitingPromotion(pair);
    await approveAs(pair, 'leo', promotion);
    await approveAs(pair, 'mira', promotion);
    const { state } = await waitForEnd(pair, promotion);
    assert.equal(state, 'live');
  } finally {
    await restart(pair.layout.redis.nonprod, pair.ports.redis);
    await restart(pair.layout.redis.gate, pair.ports.gateRedis);
  }
  const promotion = await waitingPromotion(pair);
  await approveAs(pair, 'leo', promotion);
  await approveAs(pair, 'mira', promotion);
  assert.equal((await waitForEnd(pair, promotion)).state, 'live');
});

/** The new server ends with this process. */
async function restart(directory: string, port: number): Promise<void> {
  await startRedis({ directory, port });
}
