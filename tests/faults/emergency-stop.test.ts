/** The emergency stop on the host while the gate's database is away in the middle of a delivery. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { setEmergencyStop } from '@airlock/cli/commands/emergency-stop';
import { whileHooksWait } from '@airlock/cli/drills/held-hook';
import { drillTarget } from '@airlock/cli/drills/target';
import { approveAs, lookAtProduction, until, waitForEnd } from '@airlock/demo/flow';
import type { Pair } from '@airlock/demo/pair';
import { runningPair } from '../support/pair.ts';
import { detailsOf, waitingPromotion } from '../support/promotion.ts';
import { runningDelivery, startAgain } from '../support/stops.ts';

let pair: Pair;
before(async () => {
  pair = await runningPair();
});

const administrators = (): string => join(pair.layout.config, 'administrators.json');
const flagFile = (): string => join(dirname(administrators()), 'emergency-stop');

/** Down: nobody is connected and nobody gets in, as far as the gate can tell the server is gone. */
async function setGateDatabase(to: 'up' | 'down'): Promise<void> {
  await pair.query('shop', `alter database gate allow_connections ${String(to === 'up')}`);
  if (to === 'up') return;
  await pair.query(
    'shop',
    `select pg_terminate_backend(pid) from pg_stat_activity where datname = 'gate'`,
  );
}

/** The hook's sandbox is a child of the deliverer, as the git is that reads its mirror. */
function hooksOf(pid: number): string[] {
  const ofThread = (thread: string): string =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8');
  return readdirSync(`/proc/${pid}/task`)
    .flatMap((thread) => ofThread(thread).split(' '))
    .filter((child) => child !== '' && !commandOf(child).includes('cat-file'));
}

/** Empty for one that has ended meanwhile. */
function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

test('ends a running hook within 3 s with Postgres down, becomes a stop when it is back, and is over only by two people', async (context) => {
  const { pid } = pair.process('gate-deliverer');
  let promotion = '';
  try {
    await whileHooksWait(drillTarget(pair.layout.directory), async () => {
      ({ promotion } = await runningDelivery(pair));
      assert.ok(hooksOf(pid).length > 0, 'a hook runs');
      await setGateDatabase('down');
      const from = performance.now();
      setEmergencyStop({ message: 'they have the IdP', administrators: administrators() });
      // Long before it would give up for want of the database.
      while (hooksOf(pid).length > 0 && performance.now() - from < 3_000) await delay(20);
      assert.deepEqual(hooksOf(pid), [], 'no hook runs');
      context.diagnostic(`hook ended ${Math.round(performance.now() - from)} ms after the file`);
    });
    await until('no login at production', 30, async () =>
      (await lookAtProduction(pair)).ephemeralRoles.length === 0 ? true : null,
    );
  } finally {
    // Whoever takes the file away before anybody could write down that it was there has started nothing again.
    rmSync(flagFile(), { force: true });
    await setGateDatabase('up');
  }
  const stop = await until('the stop in the ledger', 60, async () => {
    const [row] = await pair.query<{ id: string; reason: string }>(
      'gate',
      `select s.id, s.reason from stop s
       where s.person = 'host' and exists (select from ledger_entry e
         where e.type = 'stop.placed' and convert_from(e.body, 'UTF8') like '%' || s.id || '%')`,
    );
    return row ?? null;
  });
  assert.equal(stop.reason, 'they have the IdP');
  assert.equal((await waitForEnd(pair, promotion)).state, 'indeterminate');

  const next = await waitingPromotion(pair);
  await approveAs(pair, 'leo', next);
  await approveAs(pair, 'mira', next);
  // Longer than the deliverer takes to begin what it may.
  await delay(3_000);
  const { state, verdict } = await detailsOf(pair, next);
  assert.equal(state, 'waiting');
  assert.deepEqual(verdict.codes, ['E_STOPPED']);
  await startAgain(pair, stop.id);
  assert.equal((await waitForEnd(pair, next)).state, 'live');
});
