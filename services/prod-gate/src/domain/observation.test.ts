import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Id } from '@airlock/common/ids';
import type { ProvenRelease } from './ledger-facts.ts';
import { afterLook, isLookDue, sightOf, stopsLooking, type Observation } from './observation.ts';
import type { KnownStop, StopKind } from './stop.ts';

const digest = 'a'.repeat(64);
const delivered = `sha256:${digest}`;
const other = `sha256:${'b'.repeat(64)}`;
const start = Date.parse('2026-11-22T10:00:00Z');
const after = (seconds: number): Date => new Date(start + seconds * 1000);
const everySeconds = 60;

const live: ProvenRelease = {
  ...{ target: 'prod-eu', deliveryId: 'dlv_0000000001', promotionId: 'prm_0000000001' },
  ...{ release: '2026.11.22-1', artifactDigest: digest, commit: 'c'.repeat(40), mainPosition: 7 },
  since: after(-3600),
};

type Seen = readonly string[] | 'unknown';

/** The looks one after the other, a minute apart. @returns what was told, and what is known after the last. */
function looks(
  seen: readonly Seen[],
  release: ProvenRelease = live,
): { told: (string | null)[]; last: Observation; ids: (string | undefined)[] } {
  let last: Observation | null = null;
  const told: (string | null)[] = [];
  const ids: (string | undefined)[] = [];
  for (const [index, each] of seen.entries()) {
    const look = each === 'unknown' ? { reason: 'no answer' } : { running: each };
    // A test's id: the grammar is not looked at here.
    const id = `obs_${index}` as Id<'obs'>;
    const given = { live: release, everySeconds, at: after(index * 60), random: 0.5, id };
    const { observation, entry } = afterLook(last, look, given);
    told.push(entry?.type ?? null);
    ids.push(entry?.refs['observation']);
    last = observation;
  }
  assert.ok(last !== null);
  return { told, last, ids };
}

test('only the live artifact alone is the same; one more, another or nothing is other', () => {
  assert.equal(sightOf({ running: [delivered] }, digest), 'same');
  assert.equal(sightOf({ running: [delivered, other] }, digest), 'other');
  assert.equal(sightOf({ running: [other] }, digest), 'other');
  assert.equal(sightOf({ running: [] }, digest), 'other');
  assert.equal(sightOf({ running: [delivered.toUpperCase()] }, digest), 'other');
  assert.equal(sightOf({ reason: 'no answer' }, digest), 'unknown');
});

test('that something else runs is told once, and that it is over once, under the id of the first', () => {
  const { told, ids, last } = looks([[delivered], [other], [other], [delivered], [delivered]]);
  assert.deepEqual(told, [null, 'target.drifted', null, 'target.settled', null]);
  assert.deepEqual(ids, [undefined, 'obs_1', undefined, 'obs_1', undefined]);
  assert.equal(last.standing, null);
});

test('drift says what runs instead and how much of it', () => {
  const entry = (running: readonly string[]) =>
    afterLook(
      null,
      { running },
      // A test's id.
      { live, everySeconds, at: after(0), random: 0, id: 'obs_0' as Id<'obs'> },
    ).entry;
  const refs = {
    ...{ target: 'prod-eu', release: '2026.11.22-1', artifact: digest },
    ...{ delivery: 'dlv_0000000001', observation: 'obs_0' },
  };
  assert.deepEqual(entry([delivered, other])?.refs, { ...refs, running: other, others: '1' });
  assert.deepEqual(entry([])?.refs, { ...refs, running: 'nothing', others: '0' });
});

test('a hook that fails is told of at its third time in a row, and again only after it has seen', () => {
  const { told, last } = looks(['unknown', 'unknown', [delivered], 'unknown', 'unknown']);
  assert.deepEqual(told, [null, null, null, null, null]);
  assert.deepEqual([last.unknownInARow, last.seenAt], [2, after(120)]);
  assert.deepEqual(looks(['unknown', 'unknown', 'unknown', 'unknown', [delivered]]).told, [
    ...[null, null, 'target.unobserved', null],
    'target.settled',
  ]);
});

test('what drifted stays told while nobody can see it, and what nobody could see may be drift', () => {
  const blind: Seen[] = ['unknown', 'unknown', 'unknown'];
  assert.deepEqual(looks([[other], ...blind, [other], [delivered]]).told, [
    ...['target.drifted', null, null, null, null],
    'target.settled',
  ]);
  assert.deepEqual(looks([...blind, [other]]).told, [
    ...[null, null, 'target.unobserved'],
    'target.drifted',
  ]);
});

test('a release that went live less than one interval ago is not told of as drift until that is over', () => {
  const fresh = { ...live, since: after(-1) };
  const { told, last } = looks([[other], [other]], fresh);
  assert.deepEqual(told, [null, 'target.drifted']);
  assert.equal(last.sight, 'other');
});

test('a host that cannot look is told of at once, as the host', () => {
  // A test's id.
  const given = { live, everySeconds, at: after(0), random: 0, id: 'obs_0' as Id<'obs'> };
  const { observation, entry } = afterLook(null, { reason: 'no space', byHost: true }, given);
  assert.deepEqual([entry?.type, entry?.refs['cause']], ['target.unobserved', 'host']);
  assert.equal(observation.byHost, true);
  const blind = looks(['unknown', 'unknown', 'unknown']);
  assert.equal(blind.last.byHost, false);
});

test('what goes to and fro is told once each way, then gathered until the hour is over', () => {
  const seen: Seen[] = Array.from({ length: 65 }, (_, at) =>
    at % 2 === 0 ? [other] : [delivered],
  );
  const { told, ids, last } = looks(seen);
  assert.deepEqual(
    told.flatMap((type, at) => (type === null ? [] : [[at, type, ids[at]]])),
    [
      [0, 'target.drifted', 'obs_0'],
      [1, 'target.settled', 'obs_0'],
      [60, 'target.drifted', 'obs_0'],
    ],
  );
  assert.deepEqual(last.period, {
    ...{ since: after(3600), thread: 'obs_0', untold: 4 },
    told: ['drifted', 'unobserved', 'settled'],
  });
});

test('two foreign digests in turn are one drift, told once', () => {
  const third = `sha256:${'c'.repeat(64)}`;
  const seen: Seen[] = Array.from({ length: 90 }, (_, at) => [at % 2 === 0 ? other : third]);
  const { told } = looks(seen);
  assert.deepEqual(
    told.filter((type) => type !== null),
    ['target.drifted'],
  );
});

test('gathered drift that nobody can see when the hour is over is told as drift', () => {
  const seen: Seen[] = Array.from({ length: 61 }, (_, at) =>
    at < 3 ? (at === 1 ? [delivered] : [other]) : 'unknown',
  );
  const { told } = looks(seen);
  assert.equal(told[60], 'target.drifted');
  assert.equal(told.filter((type) => type !== null).length, 3);
});

test('another delivery begins anew: what drifts after it is told at once', () => {
  const { last } = looks([[other], [delivered], [other], [delivered]]);
  assert.equal(last.period?.untold, 2);
  const next = { ...live, deliveryId: 'dlv_0000000002' };
  // A test's id.
  const given = { everySeconds, at: after(300), random: 0, id: 'obs_9' as Id<'obs'> };
  const { entry, observation } = afterLook(last, { running: [other] }, { ...given, live: next });
  assert.deepEqual([entry?.type, entry?.refs['changes']], ['target.drifted', undefined]);
  assert.equal(observation.period?.thread, 'obs_9');
});

test('since when it is so begins anew with another sight and with another delivery', () => {
  const { last } = looks([[other], [delivered], [delivered]]);
  assert.deepEqual(last.since, after(60));
  // A test's id.
  const id = 'obs_9' as Id<'obs'>;
  const next = { ...live, deliveryId: 'dlv_0000000002' };
  const given = { live: next, everySeconds, at: after(500), random: 0, id };
  assert.deepEqual(afterLook(last, { running: [delivered] }, given).observation.since, after(500));
});

test('the next look is due a tenth of the interval sooner to a tenth later', () => {
  const nextAt = (random: number): number =>
    afterLook(
      null,
      { running: [delivered] },
      // A test's id.
      { live, everySeconds: 100, at: after(0), random, id: 'obs_0' as Id<'obs'> },
    ).observation.nextAt.getTime() - start;
  assert.deepEqual([nextAt(0), nextAt(0.5)], [90_000, 100_000]);
  assert.ok(nextAt(0.999) < 110_000);
});

test('a look is due at its time, for a release just live, and when clock or interval make that time meaningless', () => {
  const last = { deliveryId: live.deliveryId, lookedAt: after(0), nextAt: after(60) };
  const due = (now: Date, given: Partial<typeof last> = {}, every = 60): boolean =>
    isLookDue({ ...last, ...given }, { live, everySeconds: every, now });
  assert.equal(isLookDue(null, { live, everySeconds: 60, now: after(0) }), true);
  assert.equal(due(after(59)), false);
  assert.equal(due(after(60)), true);
  assert.equal(due(after(1), { deliveryId: 'dlv_0000000002' }), true, 'another delivery');
  assert.equal(due(after(-1)), true, 'the clock was put back');
  assert.equal(due(after(11), {}, 10), true, 'the interval was shortened');
  assert.equal(due(after(10), {}, 10), false);
});

test('nobody looks under a stop-all or a revocation of all leases of the target; any other stop leaves it be', () => {
  const stop = (kind: StopKind, given: Partial<KnownStop> = {}): KnownStop => ({
    ...{ id: 'stp_0000000001', digest: '', kind, targets: [], matter: null, since: null },
    ...{ until: null, except: [], reason: null, person: 'mira', placedAt: after(0), ...given },
  });
  const stopped = (one: KnownStop): boolean => stopsLooking([one], 'prod-eu') !== null;
  assert.equal(stopped(stop('stop-all')), true);
  assert.equal(stopped(stop('stop-all', { targets: ['prod-eu'] })), true);
  assert.equal(stopped(stop('stop-all', { targets: ['prod-us'] })), false);
  assert.equal(stopped(stop('revoke-leases')), true);
  assert.equal(stopped(stop('revoke-leases', { matter: 'delivery:dlv_0000000009' })), false);
  assert.equal(stopped(stop('freeze')), false);
  assert.equal(stopped(stop('quarantine', { matter: `commit:${'c'.repeat(40)}` })), false);
});
