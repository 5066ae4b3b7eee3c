/** One person stops, two start again: from the command line, with a delivery whose hook runs. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { whileHooksWait } from '@airlock/cli/drills/held-hook';
import { drillTarget } from '@airlock/cli/drills/target';
import { approveAs, lookAtProduction, until, waitForEnd } from '@airlock/demo/flow';
import { target } from '@airlock/demo/names';
import type { Pair } from '@airlock/demo/pair';
import { commandLine, type CommandLine } from '../support/command-line.ts';
import { runningPair } from '../support/pair.ts';
import { runningDelivery } from '../support/stops.ts';
import { assertWaits, detailsOf, waitingPromotion } from '../support/promotion.ts';

let pair: Pair;
let shell: CommandLine | undefined;
before(async () => {
  pair = await runningPair();
});
after(() => {
  shell?.dispose();
});

async function airlock(...args: string[]): Promise<string> {
  shell ??= commandLine(pair);
  const { status, text } = await shell.airlock(...args);
  assert.equal(status, 0, text);
  return text;
}

/** The id of the stop that a verb has just printed. */
function stopIn(text: string): string {
  const id = /^stp_[0-9a-z]{10}/m.exec(text)?.[0];
  assert.ok(id, text);
  return id;
}

async function startAgain(stop: string): Promise<void> {
  assert.match(await airlock('start-again', stop, '--as', 'mira'), /1 of 2 have signed/);
  assert.match(await airlock('stops'), new RegExp(`${stop}  [^]*1 of 2 signed`));
  assert.match(await airlock('start-again', stop, '--as', 'leo'), /2 of 2 have signed/);
  await until('the stop to be lifted', 20, async () => {
    const { stops } = JSON.parse(await airlock('stops', '-o', 'json')) as {
      stops: { id: string }[];
    };
    return stops.some(({ id }) => id === stop) ? null : true;
  });
}

type Shown = {
  readonly incident: {
    readonly effect: {
      readonly deliveries: number;
      readonly seenMs: number | null;
      readonly hooks: { readonly ended: number; readonly lastMs: number | null };
      readonly credentials: { readonly revoked: number; readonly lastMs: number | null };
      readonly living: readonly unknown[];
    };
    readonly timeline: readonly { readonly type: string; readonly says: string }[];
  } | null;
};

test('airlock freeze holds what was approved, and two people’s start-again delivers it', async () => {
  const said = await airlock('freeze', target, '-m', 'checkout is down', '--for', '2h');
  const stop = stopIn(said);
  let promotion: string;
  try {
    assert.match(said, /“checkout is down”\n {2}Running deliveries finish\. New ones wait\./);
    assert.match(said, /over by itself at /);
    promotion = await waitingPromotion(pair);
    await approveAs(pair, 'leo', promotion);
    await approveAs(pair, 'mira', promotion);
    await assertWaits(pair, promotion, { code: 'E_STOPPED', have: 2 });
  } finally {
    await startAgain(stop);
  }
  assert.equal((await waitForEnd(pair, promotion)).state, 'live');
});

test('airlock freeze --except lets what it names through, and the ledger has which delivery passed by it', async () => {
  const promotion = await waitingPromotion(pair);
  const why = ['--except', promotion, '-m', 'only the fix'];
  const said = await airlock('freeze', target, ...why);
  const stop = stopIn(said);
  try {
    assert.match(said, new RegExp(`let through: ${promotion}`));
    await approveAs(pair, 'leo', promotion);
    await approveAs(pair, 'mira', promotion);
    assert.equal((await waitForEnd(pair, promotion)).state, 'live');
    await until('the delivery among what came of the freeze', 20, async () => {
      const { incident } = JSON.parse(await airlock('stops', 'show', stop, '--json')) as Shown;
      const passed = new RegExp(`of ${promotion}, let through the freeze ${stop}$`);
      return incident?.timeline.some(({ says }) => passed.test(says)) === true ? true : null;
    });
  } finally {
    await startAgain(stop);
  }
});

test('airlock leases revoke kills the hook of one delivery, counts its credentials to nothing, and holds no other', async () => {
  const { promotion, delivery, text } = await whileHooksWait(
    drillTarget(pair.layout.directory),
    async () => {
      const running = await runningDelivery(pair);
      const revoked = await airlock(
        ...['leases', 'revoke', '--delivery', running.delivery, '-m', 'its key was seen in a log'],
      );
      return { ...running, text: revoked };
    },
  );
  assert.match(text, /\n1 live\n0 live after \d+\.\d s\n/);
  assert.match(text, /revoked, lived \d/);
  assert.deepEqual((await lookAtProduction(pair)).ephemeralRoles, []);
  const { state } = await waitForEnd(pair, promotion);
  assert.equal(state, 'indeterminate');
  const [ended] = await pair.query<{ reason: string }>(
    'gate',
    'select outcome_reason as reason from delivery where promotion_id = $1',
    [promotion],
  );
  assert.match(ended?.reason ?? '', /^stopped: mira stopped it \(revoke-leases, stp_/);
  const stop = /stp_[0-9a-z]{10}/.exec(ended?.reason ?? '')?.[0] ?? '';
  const incident = await until('the ledger to have what came of it', 20, async () => {
    const shown = JSON.parse(await airlock('stops', 'show', stop, '--json')) as Shown;
    return shown.incident?.timeline.some(({ type }) => type === 'delivery.finished') === true
      ? shown.incident
      : null;
  });
  const { effect, timeline } = incident;
  assert.deepEqual(
    [effect.deliveries, effect.hooks.ended, effect.credentials.revoked, effect.living],
    [1, 1, 1, []],
  );
  for (const measured of [effect.seenMs, effect.hooks.lastMs, effect.credentials.lastMs]) {
    assert.ok(measured !== null && measured < 15_000, JSON.stringify(effect));
  }
  assert.deepEqual(
    timeline.map(({ type }) => type),
    ['stop.placed', 'hook.finished', 'credential.revoked', 'delivery.finished'],
  );
  assert.match(timeline[3]?.says ?? '', new RegExp(`ended delivery ${delivery}`));
  assert.match(
    await airlock('stops', 'show', stop),
    /It ends 1 delivery: the deliverer saw it after .* s, 1 hook ended after .* s, last of 1 lease gone after .* s\./,
  );
  const next = await waitingPromotion(pair);
  const { verdict } = await detailsOf(pair, next);
  assert.ok(!verdict.codes.includes('E_STOPPED'), verdict.codes.join(', '));
});
