/**
 * Runs crash cases: processes die, then one pass of one watchdog has to leave nothing, and the rows, the ledger, Vault and
 * production have to say what the tables of domain/delivery.ts promise.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  createDeliveryRig,
  deliver,
  until,
  type DeliveryRig,
  type RigChild,
} from '../../services/prod-gate/src/testing/delivery-rig.ts';
import type { CrashCase, Stages } from './cases.ts';
import { badRelease, givingOf, installHooks, looks } from './hooks.ts';
import { openWire } from './wire.ts';

export type CaseResult = {
  readonly name: string;
  readonly point: string;
  /** What is not as promised, a sentence each; none when all is. */
  readonly faults: readonly string[];
  /** From the beginning of the pass that found the session until it was clean; null where there was no session. */
  readonly cleanMs: number | null;
};

/** A delivery counts as abandoned after this long; the watchdogs here look when it is over. */
const staleSeconds = 1;
const loginSeconds = 4;
/** Vault's clock may be behind: see reap-sessions. */
const loginSkewSeconds = 5;
const coolingSeconds = 3;
const atOnce = 4;

type Run = {
  readonly rig: DeliveryRig;
  readonly vault: { readonly address: string };
  /** Every deliverer that was started. */
  readonly children: RigChild[];
};
/** A case under way: its deliverer is dead, or stands still. */
type Body = {
  readonly crash: CrashCase;
  readonly promotion: string;
  readonly child: RigChild;
  readonly diedAt: number;
  readonly faults: string[];
};

/** @param onResult called as each case is judged. */
export async function runMatrix(
  cases: readonly CrashCase[],
  vault: { address: string; rootToken: string },
  onResult: (result: CaseResult) => void = () => undefined,
): Promise<CaseResult[]> {
  const kinds = new Map(cases.map(({ target, kind }) => [target, kind]));
  const stages = new Map(cases.map((each) => [each.target, each.stages]));
  let verifier = '';
  const rig = await createDeliveryRig({
    targets: cases.map(({ target }) => target),
    ...{ vault, loginSeconds, staleSeconds: 3_600 },
    gives: (target) => givingOf[kinds.get(target) ?? 'idempotent'],
    async installHooks(directory) {
      const pinOf = await installHooks(directory);
      verifier = pinOf(looks);
      return (target) => pinOf(kinds.get(target) ?? 'idempotent');
    },
    amend: (target) => amendmentOf(stages.get(target), verifier),
  });
  const children: RigChild[] = [];
  try {
    rig.runs.reaper = false;
    await rig.production.query(
      'create table public.effect (target text, artifact text, promotion_digest text, delivery text)',
    );
    await rig.production.query(`alter table public.effect owner to "${rig.appOwner}"`);
    const run = { rig, vault, children };
    const results: CaseResult[] = [];
    const single = cases.filter(({ watchdog }) => watchdog === undefined);
    // This one dies after the watchdog's proof, so that one has to be there to give it.
    const needsProof = ({ deliverer }: CrashCase): boolean =>
      'failpoint' in deliverer && deliverer.failpoint === 'session-clean';
    const waves = [
      single.filter((each) => !needsProof(each)),
      single.filter(needsProof),
      ...cases.filter(({ watchdog }) => watchdog !== undefined).map((each) => [each]),
    ];
    for (const wave of waves) {
      if (wave.length === 0) continue;
      rig.runs.reaper = true;
      await inParallel(
        wave.filter((each) => each.stages === 'returns'),
        ({ target }) => bringFirst(rig, target),
      );
      rig.runs.reaper = wave.some(needsProof);
      const bodies = await inParallel(wave, (crash) => killOne(run, crash));
      rig.runs.reaper = false;
      for (const result of await judge(run, bodies)) {
        results.push(result);
        onResult(result);
      }
    }
    return results;
  } finally {
    // Also those that stand still when something went wrong.
    for (const child of children) child.process.kill('SIGKILL');
    await rig.close();
  }
}

function amendmentOf(stages: Stages | undefined, hook: string) {
  const deliver = { timeout: '15s' };
  const verify = { hook, for: '1s', every: '1s', failures: 2 };
  switch (stages) {
    case undefined:
      return {};
    case 'waves':
      return { deliver: { ...deliver, waves: ['50%', '100%'], pause: '1s' } };
    case 'cooled':
      return { deliver: { ...deliver, cooling: `${coolingSeconds}s` } };
    case 'verified':
      return { deliver, verify, rollback: { to: 'previous', auto: 'never' } };
    case 'returns':
      return { deliver, verify, rollback: { to: 'previous', auto: 'onVerifyFailed' } };
  }
}

/** The release that is put back. */
async function bringFirst(rig: DeliveryRig, target: string): Promise<void> {
  const { run, start, proofs } = rig.deliverer();
  await deliver(run, await start(await rig.admit(target)));
  await until(async () => (await proofs.facts()).liveOn(target) !== null);
}

/** Starts the deliverer of a case and returns when it is dead or stands still. */
async function killOne({ rig, vault, children }: Run, crash: CrashCase): Promise<Body> {
  const faults: string[] = [];
  const promotion = await (crash.stages === 'returns'
    ? rig.admit(crash.target, badRelease)
    : rig.admit(crash.target));
  const { deliverer } = crash;
  let child: RigChild;
  if ('wire' in deliverer) {
    const wire = await openWire({
      ...{ to: vault.address, ...deliverer.wire },
      onHit: () => child.process.kill('SIGKILL'),
    });
    child = rig.spawnDeliverer(promotion, { vaultAddress: wire.address });
    children.push(child);
    await died(child, faults);
    await wire.close();
  } else if ('stopAt' in deliverer) {
    child = rig.spawnDeliverer(promotion, { stopAt: deliverer.stopAt });
    children.push(child);
    await until(() => Promise.resolve(standsStill(child.process.pid ?? 0)), 30_000);
  } else {
    const { failpoint, passage = 1 } = deliverer;
    child = rig.spawnDeliverer(promotion, { failpoint: `${failpoint}:${passage}` });
    children.push(child);
    await died(child, faults);
  }
  return { crash, promotion, child, diedAt: performance.now(), faults };
}

async function died(child: RigChild, faults: string[]): Promise<void> {
  const end = await Promise.race([child.ended, sleep(30_000, 'still alive', { ref: false })]);
  if (end !== 'SIGKILL') faults.push(`the process did not die where it should: ${end}`);
}

function standsStill(pid: number): boolean {
  try {
    return /\) T /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

async function judge(run: Run, bodies: readonly Body[]): Promise<CaseResult[]> {
  const { rig } = run;
  const { sessions, deliveries } = rig.deliverer();
  for (const { crash, promotion, faults } of bodies) {
    const left = await deliveries.ofPromotion(promotion);
    const session = left === null ? null : await sessions.ofDelivery(left.id);
    const state = session?.state ?? null;
    if (state !== crash.session) {
      faults.push(
        `died with the session ${state ?? 'absent'}, ${crash.session ?? 'none'} expected`,
      );
    }
  }
  const last = Math.max(...bodies.map(({ diedAt }) => diedAt));
  await sleep(Math.max(0, last + staleSeconds * 1000 + 100 - performance.now()));
  for (const { crash, faults } of bodies) await killWatchdog(run, crash, faults);

  const cleanMs = await oneReaperPass(run, bodies);
  for (const body of bodies) await findNothing(run, body);
  await secondPass(run, bodies);

  const results: CaseResult[] = [];
  rig.runs.reaper = true;
  await inParallel(bodies, (body) =>
    asFault(body, () =>
      body.crash.stages === 'cooled' ? beginAnnounced(run, body) : repeat(run, body),
    ),
  );
  rig.runs.reaper = false;
  for (const body of bodies) await asFault(body, () => findTheEnd(run, body));
  // The target takes the next delivery, also while the one that stood still wakes up.
  rig.runs.reaper = true;
  await inParallel(bodies, (body) => asFault(body, () => deliverNext(run, body)));
  rig.runs.reaper = false;
  for (const { crash, faults } of bodies) {
    results.push({
      ...{ name: crash.name, point: crash.point, faults },
      cleanMs: cleanMs.get(crash.target) ?? null,
    });
  }
  return results;
}

/** What cannot even be looked at is that case's fault and keeps no other from being judged. */
async function asFault({ faults }: Body, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    faults.push(error instanceof Error ? error.message : String(error));
  }
}

/** The first watchdog of a case that has two dies in its pass. */
async function killWatchdog(
  { rig, vault }: Run,
  crash: CrashCase,
  faults: string[],
): Promise<void> {
  const { watchdog } = crash;
  if (watchdog === undefined) return;
  if ('failpoint' in watchdog) {
    await died(rig.spawnWatchdog(staleSeconds, { failpoint: watchdog.failpoint }), faults);
    return;
  }
  const wire = await openWire({
    ...{ to: vault.address, ...watchdog.wire },
    onHit: () => child.process.kill('SIGKILL'),
  });
  const child = rig.spawnWatchdog(staleSeconds, { vaultAddress: wire.address });
  await died(child, faults);
  await wire.close();
}

/** @returns how long it took for the session of each target. */
async function oneReaperPass({ rig }: Run, bodies: readonly Body[]): Promise<Map<string, number>> {
  const took = new Map<string, number>();
  let began = performance.now();
  await rig
    .reaper(staleSeconds, (event) => {
      // One session after the other: what one took begins where the one before it ended.
      if (event.name !== 'session-clean' && event.name !== 'revocation-failed') return;
      if (event.name === 'session-clean') took.set(event.target, performance.now() - began);
      began = performance.now();
    })
    .pass();
  for (const { crash, faults } of bodies) {
    if ('stopAt' in crash.deliverer || crash.watchdog !== undefined) continue;
    if (crash.session !== null && crash.session !== 'CLEAN' && !took.has(crash.target)) {
      // A minted login that nobody used keeps its session open until it ends.
      const { session } = crash;
      if (session !== 'INTENT') faults.push(`one pass left a session that was ${session}`);
    }
  }
  return took;
}

async function findNothing({ rig }: Run, { crash, faults }: Body): Promise<void> {
  const left = await rig.leftOf(crash.target);
  for (const [what, count] of Object.entries(left)) {
    if (count > 0) faults.push(`after one pass there are ${count} ${what}`);
  }
}

/** For sessions whose login may still be used by somebody: once that is over. */
async function secondPass({ rig }: Run, bodies: readonly Body[]): Promise<void> {
  const { sessions } = rig.deliverer();
  const open = [];
  for (const { crash } of bodies) {
    const session = await sessions.uncleanOn(crash.target);
    if (session !== null) open.push(session);
  }
  if (open.length === 0) return;
  const ends = Math.max(...open.map(({ jwtExpiresAt }) => jwtExpiresAt.getTime()));
  await sleep(Math.max(0, ends + loginSkewSeconds * 1000 + 50 - Date.now()));
  await rig.reaper(staleSeconds).pass();
}

/** What the next sweep of a deliverer does: whose hook allows it is made once more, and no other. */
async function repeat({ rig }: Run, { crash, promotion, faults }: Body): Promise<void> {
  const { run, repeat: again, promotions } = rig.deliverer();
  const before = await promotions.find(promotion);
  if (crash.again && before?.state !== 'delivering') {
    faults.push(`promotion: ${before?.state ?? 'absent'} before its repeat, delivering expected`);
  }
  const started = await again(promotion);
  if ((started !== null) !== crash.again) {
    faults.push(crash.again ? 'it was not made once more' : 'it was made once more');
  }
  if (started !== null) await deliver(run, started);
}

/** What the sweep does with one whose deliverer died while it announced it: it begins so long after the one announcement. */
async function beginAnnounced({ rig }: Run, { promotion, faults }: Body): Promise<void> {
  const { run, start, deliveries } = rig.deliverer();
  if ((await deliveries.ofPromotion(promotion)) !== null) faults.push('it began unannounced');
  const started = await start(promotion);
  await deliver(run, started);
  const { rows } = await rig.admin.query<{ at: string }>(
    `select convert_from(body, 'UTF8')::jsonb ->> 'at' as at from ledger_entry
     where convert_from(body, 'UTF8')::jsonb @> $1::jsonb`,
    [JSON.stringify({ type: 'delivery.announced', refs: { promotion } })],
  );
  if (rows.length !== 1) faults.push(`it was announced ${rows.length} times`);
  const begun = await deliveries.find(started.delivery.id);
  const waited = (begun?.startedAt.getTime() ?? NaN) - Date.parse(rows[0]?.at ?? '');
  if (!(waited >= coolingSeconds * 1000)) faults.push(`it began ${waited} ms after that`);
}

/** What the rows, the ledger and production say once it is over. */
async function findTheEnd({ rig }: Run, { crash, promotion, faults }: Body): Promise<void> {
  const { deliveries, promotions, sessions } = rig.deliverer();
  const expect = (what: string, found: unknown, expected: unknown): void => {
    if (found !== expected) faults.push(`${what}: ${String(found)}, ${String(expected)} expected`);
  };
  const delivery = await deliveries.ofPromotion(promotion);
  if (delivery === null) {
    faults.push('there was no delivery');
    return;
  }
  expect('delivery', delivery.state, crash.end);
  expect('repeats another', delivery.repeats !== null, crash.again);
  const row = await promotions.find(promotion);
  expect('promotion', row?.state, crash.end === 'succeeded' ? 'live' : crash.end);
  const session = await sessions.ofDelivery(delivery.id);
  const hadSession = crash.session !== null || crash.stages === 'cooled';
  expect('session', session?.state ?? null, hadSession ? 'CLEAN' : null);
  const counts = new Map<string, number>();
  for (const type of await rig.ledgerOf(delivery.id)) {
    counts.set(type, (counts.get(type) ?? 0) + 1);
  }
  for (const [type, count] of counts) {
    if (count > 1 && type !== 'credential.issued' && type !== 'delivery.stage')
      faults.push(`the ledger has ${type} ${count} times`);
  }
  expect('delivery.finished', counts.get('delivery.finished'), 1);
  expect(
    'credential.issued',
    counts.get('credential.issued') ?? 0,
    session?.credentials.filter(({ issuedAt }) => issuedAt !== null).length ?? 0,
  );
  expect('credential.revoked', counts.get('credential.revoked') ?? 0, session === null ? 0 : 1);
  expect('hook.started', counts.get('hook.started') ?? 0, delivery.hookStartedAt === null ? 0 : 1);
  const effects = await effectsOf(rig, row?.promotionDigest ?? '');
  const [least, most] = crash.effect;
  if (effects < least || effects > most) {
    faults.push(`production was changed ${effects} times, ${least} to ${most} expected`);
  }
}

/** Another promotion of the same artifact; one that stood still wakes up beside it and must find itself fenced off. */
async function deliverNext({ rig }: Run, { crash, promotion, child, faults }: Body): Promise<void> {
  const before = await storyOf(rig, promotion);
  const { run, start, promotions } = rig.deliverer();
  const next = await rig.admit(crash.target);
  const outcome = deliver(run, await start(next));
  if ('stopAt' in crash.deliverer) {
    child.process.kill('SIGCONT');
    const end = await Promise.race([child.ended, sleep(30_000, 'still alive', { ref: false })]);
    if (end !== 'exit 0') faults.push(`woken up, the deliverer ended with ${end}`);
    else if (child.said().trim() !== 'null') faults.push(`woken up, it said ${child.said()}`);
  }
  const ended = await outcome;
  if (ended?.state !== 'succeeded') {
    faults.push(`the next delivery ended ${ended?.state ?? 'taken over'}: ${ended?.reason ?? ''}`);
  }
  const after = await storyOf(rig, promotion);
  if (after !== before) faults.push(`something was written afterwards: ${before} became ${after}`);
  const live = await promotions.liveOn(crash.target);
  if (live?.promotionId !== next) faults.push('the next delivery is not what is live');
  const left = await rig.leftOf(crash.target);
  for (const [what, count] of Object.entries(left)) {
    if (count > 0) faults.push(`in the end there are ${count} ${what}`);
  }
  const { rows } = await rig.production.query<{ count: string }>(
    'select count(*) from public.effect where target = $1',
    [crash.target],
  );
  const rowsThere = Number(rows[0]?.count);
  // Twice delivered: only the kind that says so may have happened twice.
  const hooksRun = crash.stages === 'waves' ? 2 : 1;
  const most = crash.kind === 'at-most-once' ? hooksRun + crash.effect[1] : 1;
  if (rowsThere < 1 || rowsThere > most) {
    faults.push(`after the next delivery there are ${rowsThere} effects, ${most} at most expected`);
  }
}

/** Everything that is written about a delivery and its session, but for its log. */
async function storyOf(rig: DeliveryRig, promotion: string): Promise<string> {
  const { rows } = await rig.admin.query<{ story: unknown }>(
    `select jsonb_build_object('delivery', to_jsonb(d), 'session', to_jsonb(v)) as story
     from delivery d left join vault_session v on v.delivery_id = d.id where d.promotion_id = $1
     order by d.started_at`,
    [promotion],
  );
  return JSON.stringify(rows.map(({ story }) => story));
}

async function effectsOf(rig: DeliveryRig, promotionDigest: string): Promise<number> {
  const { rows } = await rig.production.query<{ count: string }>(
    'select count(*) from public.effect where promotion_digest = $1',
    [promotionDigest],
  );
  return Number(rows[0]?.count);
}

async function inParallel<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results = new Map<Item, Result>();
  const waiting = [...items];
  const worker = async (): Promise<void> => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) {
      results.set(item, await work(item));
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return items.flatMap((item) => {
    const result = results.get(item);
    return result === undefined ? [] : [result];
  });
}
