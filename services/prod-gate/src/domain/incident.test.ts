import type { LedgerEntry } from '@airlock/common/ledger/entry';
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { effectOf, type Incident } from './incident.ts';
import { createLedgerFold, isFolded } from './ledger-facts.ts';
import { stopDigest, stopRefs, type Stop } from './stop.ts';

const start = Date.parse('2026-11-22T10:00:00.000Z');
const at = (seconds: number): Date => new Date(start + seconds * 1000);

type Said = readonly [seconds: number, type: LedgerEntry['type'], refs: Record<string, string>];

/** The entries as a ledger from index 0 on has them; only what a process reads of it is folded. */
function folded(...said: readonly Said[]) {
  const fold = createLedgerFold();
  for (const [index, [seconds, type, refs]] of said.entries()) {
    const entry: LedgerEntry = {
      ...{ v: 1, type, at: at(seconds).toISOString(), actor: 'deliverer', refs },
      subjectDigest: type.startsWith('stop.') ? digest : 'd'.repeat(64),
    };
    assert.ok(isFolded(Buffer.from(`{"v":1,"type":"${type}"`)), type);
    fold.apply(entry, index);
  }
  const incident = fold.incidentOf(stop.id);
  assert.ok(incident);
  return incident;
}

const stop: Stop = {
  ...{ id: 'stp_0000000001', kind: 'stop-all', targets: ['prod-eu'], matter: null, since: null },
  ...{ until: null, except: [], reason: 'bad', person: 'leo', placedAt: at(10) },
};
const digest = stopDigest(stop);
const placed = (changes: Partial<Stop> = {}, more: Record<string, string> = {}): Said => [
  10,
  'stop.placed',
  { ...stopRefs({ ...stop, ...changes }), ...more },
];
const intent = (delivery: string, target = 'prod-eu', seconds = 1): Said => [
  seconds,
  'delivery.intent',
  { delivery, target },
];
const issued = (delivery: string, more: Record<string, string> = {}): Said => [
  2,
  'credential.issued',
  { delivery, as: 'db', ending: 'revocable', diesAt: at(120).toISOString(), ...more },
];
const of = (delivery: string, seconds: number, type: LedgerEntry['type']): Said => [
  seconds,
  type,
  { delivery },
];
const ended = (delivery: string, seconds: number, more: Record<string, string> = {}): Said => [
  seconds,
  'delivery.finished',
  { delivery, state: 'indeterminate', ...more },
];
const sawIt = (seconds: number, stopId = stop.id) => ({
  stop: stopId,
  stopSeenAt: at(seconds).toISOString(),
});

const hooked = (delivery: string): readonly Said[] => [
  intent(delivery),
  issued(delivery),
  of(delivery, 3, 'hook.started'),
];
const indices = ({ events }: Incident): readonly number[] => events.map(({ index }) => index);

describe('what came of a stop', () => {
  test('is measured from its placing: seen, hooks ended, credentials proven gone, each by the last', () => {
    const incident = folded(
      ...hooked('dlv_a'),
      ...hooked('dlv_b'),
      placed(),
      of('dlv_a', 10.8, 'hook.finished'),
      of('dlv_b', 12, 'hook.finished'),
      of('dlv_a', 11, 'credential.revoked'),
      of('dlv_b', 13.1, 'credential.revoked'),
      ended('dlv_a', 11.1, sawIt(10.4)),
      ended('dlv_b', 13.2, sawIt(10.9)),
    );
    assert.deepEqual(effectOf(incident, at(20)), {
      ...{ deliveries: 2, seenMs: 900 },
      hooks: { ended: 2, running: 0, unseen: 0, lastMs: 2000 },
      credentials: { revoked: 2, pending: 0, lastMs: 3100 },
      living: [],
    });
    assert.deepEqual(indices(incident), [6, 7, 8, 9, 10, 11, 12]);
  });

  test('says what still runs and until when what is not proven gone lives, until that time is over', () => {
    const incident = folded(...hooked('dlv_a'), placed());
    const now = effectOf(incident, at(11));
    assert.deepEqual(now.hooks, { ended: 0, running: 1, unseen: 0, lastMs: null });
    assert.deepEqual(now.credentials, { revoked: 0, pending: 1, lastMs: null });
    assert.deepEqual(now.living, [{ delivery: 'dlv_a', until: at(120) }]);
    assert.deepEqual(effectOf(incident, at(120)).living, []);
  });

  test('says what no revocation ends, also after all else is proven gone', () => {
    const incident = folded(
      ...hooked('dlv_a'),
      issued('dlv_a', { as: 'cert', ending: 'ttl-only', diesAt: at(600).toISOString() }),
      [2, 'credential.issued', { delivery: 'dlv_a', as: 'kv', ending: 'by-hand' }],
      placed(),
      of('dlv_a', 11, 'credential.revoked'),
      ended('dlv_a', 11.1),
    );
    const { credentials, living } = effectOf(incident, at(20));
    assert.deepEqual(credentials, { revoked: 1, pending: 0, lastMs: 1000 });
    assert.deepEqual(living, [
      { delivery: 'dlv_a', until: at(600) },
      { delivery: 'dlv_a', until: null },
    ]);
  });

  test('a hook whose deliverer died is one of which nobody saw the end, and nothing is said to have seen the stop', () => {
    const { hooks, seenMs } = effectOf(
      folded(...hooked('dlv_a'), placed(), ended('dlv_a', 14)),
      at(20),
    );
    assert.deepEqual(hooks, { ended: 0, running: 0, unseen: 1, lastMs: null });
    assert.equal(seenMs, null);
  });

  test('is of the deliveries that ran on its targets, and a hook that had ended before counts as none of its own', () => {
    const incident = folded(
      intent('dlv_over'),
      ended('dlv_over', 4),
      intent('dlv_us', 'prod-us'),
      ...hooked('dlv_a'),
      of('dlv_a', 9, 'hook.finished'),
      placed(),
    );
    assert.deepEqual(
      incident.deliveries.map(({ id }) => id),
      ['dlv_a'],
    );
    assert.equal(effectOf(incident, at(20)).hooks.ended, 0);
  });

  test('revoking the leases of one delivery ends that one; a freeze ends none', () => {
    const matter = 'delivery:dlv_b';
    const ran = [...hooked('dlv_a'), ...hooked('dlv_b')];
    const idsOf = (changes: Partial<Stop>) =>
      folded(...ran, placed(changes)).deliveries.map(({ id }) => id);
    assert.deepEqual(idsOf({ kind: 'revoke-leases', targets: [], matter }), ['dlv_b']);
    assert.deepEqual(idsOf({ kind: 'revoke-leases' }), ['dlv_a', 'dlv_b']);
    assert.deepEqual(idsOf({ kind: 'freeze' }), []);
  });

  test('of a quarantine it is what the deliverer said that it ended by it', () => {
    const incident = folded(
      ...hooked('dlv_a'),
      ...hooked('dlv_b'),
      placed({ kind: 'quarantine', matter: 'commit:c1' }),
      of('dlv_b', 10.5, 'hook.finished'),
      ended('dlv_a', 11),
      ended('dlv_b', 12, sawIt(10.2)),
    );
    assert.deepEqual(
      incident.deliveries.map(({ id }) => id),
      ['dlv_b'],
    );
    assert.equal(effectOf(incident, at(20)).seenMs, 200);
    assert.deepEqual(indices(incident), [6, 7, 9]);
  });

  test('the host’s file is measured from when it was set, also for what it ended before the ledger had its stop', () => {
    const incident = folded(
      ...hooked('dlv_a'),
      of('dlv_a', 5.5, 'hook.finished'),
      ended('dlv_a', 6, sawIt(5.1, 'emergency-stop')),
      placed({ person: 'host' }, { set: at(5).toISOString() }),
    );
    const { hooks, seenMs } = effectOf(incident, at(20));
    assert.deepEqual(hooks, { ended: 1, running: 0, unseen: 0, lastMs: 500 });
    assert.equal(seenMs, 100);
    assert.deepEqual(indices(incident), [3, 4, 5]);
  });

  test('what a person placed is measured from the entry’s own time, whatever it says beside', () => {
    const incident = folded(...hooked('dlv_a'), placed({}, { set: at(9).toISOString() }));
    assert.deepEqual(incident.stop.placedAt, at(10));
  });

  test('of a freeze it has every delivery that was let through by its exception, and no other', () => {
    const excepted = { delivery: 'dlv_a', target: 'prod-eu', exceptedFrom: `stp_x ${stop.id}` };
    const incident = folded(
      placed({ kind: 'freeze', except: ['prm_0000000000'] }),
      [11, 'delivery.intent', excepted],
      intent('dlv_b', 'prod-eu', 12),
    );
    assert.deepEqual(indices(incident), [0, 1]);
    assert.deepEqual(incident.deliveries, []);
  });

  test('ends with its lifting and the first delivery there that begins after it', () => {
    const incident = folded(
      placed(),
      [20, 'stop.lifted', { stop: stop.id, people: 'leo mira' }],
      intent('dlv_us', 'prod-us', 21),
      intent('dlv_a', 'prod-eu', 22),
      intent('dlv_b', 'prod-eu', 23),
    );
    assert.deepEqual(incident.liftedAt, at(20));
    assert.deepEqual(indices(incident), [0, 1, 3]);
  });
});

test('a time that is none is read as the stricter: the credential lives on, and nothing was seen', () => {
  const incident = folded(
    intent('dlv_a'),
    issued('dlv_a', { as: 'cert', ending: 'ttl-only', diesAt: 'soon' }),
    placed(),
    ended('dlv_a', 12, { stop: stop.id, stopSeenAt: 'at once' }),
  );
  const { living, seenMs } = effectOf(incident, at(100_000));
  assert.deepEqual(living, [{ delivery: 'dlv_a', until: null }]);
  assert.equal(seenMs, null);
});
