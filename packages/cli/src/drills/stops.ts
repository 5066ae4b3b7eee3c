/** What somebody tries who wants to go on delivering after the gate was stopped. */
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { liftWithPasskey } from '../decisions.ts';
import { signedIn } from '../signed-in.ts';
import { readStops, requestStop, type StopRequest } from '../stop-requests.ts';
import { asAccount } from './database-door.ts';
import { all, mayNot, type Drill, type Way } from './drill.ts';
import { whileHooksWait } from './held-hook.ts';
import { asNonprodRoot, type NonprodRoot } from './nonprod-root.ts';
import { approve, asPerson, deciders, offered, patienceMs, until } from './release.ts';
import type { DrillTarget } from './target.ts';

/** The authority looks every second, and its ledger is as fast: what is not lifted in three is not lifted. */
const settleMs = 3_000;

async function sign(target: DrillTarget, person: string, stopId: string): Promise<void> {
  const { session, passkeyFile } = await asPerson(target, person);
  await liftWithPasskey(session, { stopId, passkeyFile });
}

async function isInForce(target: DrillTarget, stopId: string): Promise<boolean> {
  const { stops } = await readStops(await signedIn(target.gate, 'mira'));
  return stops.some(({ id }) => id === stopId);
}

/** Works under a stop, and starts again as two people do, whatever came of it. */
async function stopped(
  target: DrillTarget,
  wish: Omit<StopRequest, 'reason'>,
  work: (stopId: string) => Promise<Way[]>,
): Promise<Way[]> {
  const mira = await signedIn(target.gate, 'mira');
  const { id } = await requestStop(mira, { ...wish, reason: 'a drill' });
  try {
    return await work(id);
  } finally {
    if (await isInForce(target, id)) {
      for (const person of deciders) await sign(target, person, id);
      await until('end of the stop', async () => ((await isInForce(target, id)) ? null : true));
    }
  }
}

const Seen = z.looseObject({
  state: z.string(),
  verdict: z.looseObject({ codes: z.array(z.string()) }),
});

/** Two people approve what is stopped; it must wait, and wait for nothing else. */
const heldBy = (
  id: string,
  attack: string,
  wishOf: (target: DrillTarget, root: NonprodRoot) => Omit<StopRequest, 'reason'>,
): Drill => ({
  ...{ id, controls: [], attacker: 'nonprod-admin', attack },
  run: (target) =>
    asNonprodRoot(target, async (root) =>
      all(
        await stopped(target, wishOf(target, root), async () => {
          const promotion = await offered(target, root);
          try {
            const before = await root.delivered();
            await approve(target, promotion);
            const isSame = (await root.delivered()) === before;
            const mira = await signedIn(target.gate, 'mira');
            // A second builder, where the target asks for one, takes its time for the same bytes.
            const seen = await until('word of the second builder', async () => {
              const found = Seen.parse(await mira.getJson(`/api/v1/promotions/${promotion}`));
              return found.verdict.codes.includes('E_REBUILD_MISSING') ? null : found;
            });
            const { codes } = seen.verdict;
            const held = isSame && seen.state === 'waiting' && codes.join() === 'E_STOPPED';
            const answer = `${seen.state}${codes.length === 0 ? '' : `, ${codes.join(', ')}`}`;
            return [{ way: 'what two people approved', held, answer }];
          } finally {
            await root.discard(promotion);
          }
        }),
      ),
    ),
});

const freezeHolds = heldBy(
  'freeze-holds',
  'has a promotion approved by everybody whom its rules ask, while its target is frozen',
  ({ deliveryTarget }) => ({ kind: 'freeze', targets: [deliveryTarget] }),
);

const quarantineByKey = heldBy(
  'quarantine-by-key',
  'has a promotion approved that a key signed which is in quarantine',
  (_, { stolen }) => ({ kind: 'quarantine', matter: `key:${stolen.main.keyid}` }),
);

const liftAlone: Drill = {
  id: 'lift-alone',
  controls: [],
  attacker: 'gate-operator',
  attack: 'lifts a stop alone: by one signature, by two of the same person, and by a developer’s',
  run: async (target) =>
    all(
      await stopped(target, { kind: 'freeze' }, async (stopId) => {
        const ways: Way[] = [];
        const tried = async (way: string): Promise<void> => {
          await delay(settleMs);
          const held = await isInForce(target, stopId);
          ways.push({ way, held, answer: held ? 'it holds' : 'it is lifted' });
        };
        await sign(target, 'mira', stopId);
        await tried('one signature');
        if (await isInForce(target, stopId)) await sign(target, 'mira', stopId);
        await tried('two of one person');
        const dana = await signedIn(target.gate, 'dana');
        const begun = dana.postJson(`/api/v1/stops/${stopId}/lift/options`, {});
        return [...ways, await mayNot('a developer', begun)];
      }),
    ),
};

/** What an owner of the database does to the rows of a stop. */
const erasures: readonly (readonly [way: string, sql: string])[] = [
  [
    'another name under one signature',
    `insert into stop_lift select stop_id, 'leo', statement, credential_id, authenticator_data, client_data_json, signature,
       sign_count_before, nonce || 'x', signed_at from stop_lift where stop_id = $1`,
  ],
  [
    'a time that is over',
    `update stop set kind = 'freeze', until = now() - interval '1 day' where id = $1`,
  ],
  ['its signatures away', 'delete from stop_lift where stop_id = $1'],
  ['its row away', 'delete from stop where id = $1'],
];

const stopErased: Drill = {
  id: 'stop-erased',
  controls: [],
  attacker: 'dba',
  attack:
    'owns the gate’s database, and lifts a stop there: by a copied signature, by its time, and by deleting it',
  run: async (target) =>
    all(
      await stopped(target, { kind: 'stop-all' }, async (stopId) => {
        await sign(target, 'mira', stopId);
        // The ledger has it within a second; what an attacker undoes before that was never seen by it.
        await delay(settleMs);
        return asAccount(target.owned.superuser, async (query) => {
          const ways: Way[] = [];
          for (const [way, sql] of erasures) {
            await query('set session_replication_role = replica');
            await query(sql, [stopId]);
            await query('set session_replication_role = origin');
            await delay(settleMs);
            const held = await isInForce(target, stopId);
            ways.push({ way, held, answer: held ? 'it holds' : 'it is lifted' });
          }
          return ways;
        });
      }),
    ),
};

const Delivery = z.looseObject({ id: z.string() });
const withinMs = 2_000;

const hookOutlivesStop: Drill = {
  id: 'hook-outlives-stop',
  controls: [],
  attacker: 'nonprod-admin',
  attack: 'has a hook that runs and would go on, with its credential, after everything was stopped',
  run: (target) =>
    whileHooksWait(target, () =>
      asNonprodRoot(target, async (root) =>
        asAccount(target.owned.superuser, async (atGate) => {
          const promotion = await offered(target, root);
          await approve(target, promotion);
          const { id } = await until('hook that runs', async () => {
            const [row] = await atGate(
              `select d.id from delivery d join delivery_log l on l.delivery_id = d.id
               where d.promotion_id = $1 and d.state = 'running' and l.line like 'connected as %'`,
              [promotion],
            );
            return row === undefined ? null : Delivery.parse(row);
          });
          const began = performance.now();
          return all(
            await stopped(target, { kind: 'stop-all' }, async () => {
              const gone = async (way: string, sql: string, limitMs: number): Promise<Way> => {
                await until(way, async () => ((await atGate(sql, [id])).length > 0 ? true : null));
                const ms = Math.round(performance.now() - began);
                return { way, held: ms <= limitMs, answer: `after ${ms} ms` };
              };
              return [
                await gone(
                  'the end of the hook',
                  'select from delivery where id = $1 and hook_finished_at is not null',
                  withinMs,
                ),
                await gone(
                  'the proof that its credential is gone',
                  `select from vault_session where delivery_id = $1 and state = 'CLEAN'`,
                  patienceMs,
                ),
                await gone(
                  'a release that is called live by nobody',
                  `select from delivery where id = $1 and state = 'indeterminate'`,
                  patienceMs,
                ),
              ];
            }),
          );
        }),
      ),
    ),
};

export const stopDrills: readonly Drill[] = [
  freezeHolds,
  quarantineByKey,
  liftAlone,
  stopErased,
  hookOutlivesStop,
];
