import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createLedgerFold } from './ledger-facts.ts';
import {
  concerns,
  excepts,
  holds,
  stopDigest,
  stopRefs,
  stopsInForce,
  type KnownStop,
  type Stop,
} from './stop.ts';

const placedAt = new Date('2026-11-22T10:00:00Z');
const later = new Date('2026-11-22T12:00:00Z');

function stop(changes: Partial<Stop> = {}): KnownStop {
  const made: Stop = {
    ...{ id: 'stp_0000000000', kind: 'freeze', targets: ['prod-eu'], matter: null, since: null },
    ...{ until: null, except: [], reason: 'checkout is down', person: 'leo', placedAt },
    ...changes,
  };
  return { ...made, digest: stopDigest(made) };
}

const promotion = {
  // A brand that nothing here looks at.
  id: 'prm_0000000000' as never,
  target: 'prod-eu',
  matters: ['key:k1', 'commit:c1', 'runner:'],
  admittedAt: placedAt,
};

test('a freeze lets through by name on its targets; no other kind does', () => {
  const except = ['prm_0000000000'];
  assert.equal(excepts(stop({ except }), promotion), true);
  assert.equal(excepts(stop({ except, targets: [] }), promotion), true);
  assert.equal(excepts(stop({ except, targets: ['prod-us'] }), promotion), false);
  assert.equal(excepts(stop(), promotion), false);
  assert.equal(excepts(stop({ except, kind: 'stop-all' }), promotion), false);
});

describe('what a stop holds', () => {
  const table: readonly (readonly [string, Partial<Stop>, waits: boolean, ends: boolean])[] = [
    ['a freeze of the target lets what runs finish', {}, true, false],
    ['a freeze of all targets', { targets: [] }, true, false],
    ['a freeze of another target', { targets: ['prod-us'] }, false, false],
    ['a freeze with this promotion excepted', { except: ['prm_0000000000'] }, false, false],
    ['stop-all ends what runs', { kind: 'stop-all' }, true, true],
    ['revoking leases ends what runs', { kind: 'revoke-leases' }, true, true],
    ['revoking them elsewhere', { kind: 'revoke-leases', targets: ['prod-us'] }, false, false],
    [
      'revoking those of its delivery',
      { kind: 'revoke-leases', targets: [], matter: 'delivery:dlv_0000000001' },
      false,
      true,
    ],
    [
      'revoking those of another delivery',
      { kind: 'revoke-leases', targets: [], matter: 'delivery:dlv_0000000002' },
      false,
      false,
    ],
    ['quarantine of the commit', { kind: 'quarantine', matter: 'commit:c1' }, true, true],
    ['quarantine of another commit', { kind: 'quarantine', matter: 'commit:c2' }, false, false],
    [
      'quarantine of what was taken in later',
      { kind: 'quarantine', matter: 'commit:c1', since: later },
      false,
      false,
    ],
    [
      'quarantine of a runner, of a release that names none',
      { kind: 'quarantine', matter: 'runner:r-7' },
      true,
      false,
    ],
    [
      'quarantine of an image, of a release on another',
      { kind: 'quarantine', matter: 'image:i1' },
      false,
      false,
    ],
    ['a distrusted key', { kind: 'distrust-signer', matter: 'key:k1' }, true, true],
    ['cutting the pair', { kind: 'cut-pair' }, false, false],
  ];
  for (const [title, changes, waits, ends] of table) {
    test(title, () => {
      const held = (delivery: string | null): boolean => holds(stop(changes), promotion, delivery);
      assert.deepEqual([held(null), held('dlv_0000000001')], [waits, ends]);
    });
  }
});

test('the page of a delivery shows what ends it and what freezes its target, if placed before it ended', () => {
  const shown = (changes: Partial<Stop>, finishedAt: Date | null = null): boolean =>
    concerns(stop(changes), promotion, { id: 'dlv_0000000001', finishedAt });
  const after = { placedAt: later };
  assert.deepEqual(
    [shown({}), shown({ targets: [] }), shown({ targets: ['prod-us'] })],
    [true, true, false],
  );
  assert.deepEqual([shown({ kind: 'stop-all' }), shown({ kind: 'cut-pair' })], [true, false]);
  assert.deepEqual(
    [shown({}, placedAt), shown(after, placedAt), shown(after)],
    [true, false, true],
  );
  const leasesOf = (matter: string): boolean =>
    shown({ kind: 'revoke-leases', targets: [], matter });
  assert.deepEqual(
    [leasesOf('delivery:dlv_0000000001'), leasesOf('delivery:dlv_0000000002')],
    [true, false],
  );
});

describe('the ledger', () => {
  const entryOf = (of: KnownStop, type: 'stop.placed' | 'stop.lifted') => ({
    ...{ v: 1 as const, type, at: placedAt.toISOString(), actor: 'x', subjectDigest: of.digest },
    refs: stopRefs(of),
  });

  test('gives a stop back as it was placed, but for its reason', () => {
    const all = stop({ until: later, except: ['prm_0000000001'], targets: ['prod-eu', 'prod-us'] });
    const fold = createLedgerFold();
    fold.apply(entryOf(all, 'stop.placed'), 0);
    assert.deepEqual(fold.stops(), [{ ...all, reason: null }]);
  });

  test('of a time that is none reads the stricter, and never ends by it', () => {
    const entry = entryOf(stop({ until: later, person: 'host' }), 'stop.placed');
    const refs = { ...entry.refs, until: 'x', since: 'y', set: 'z' };
    const fold = createLedgerFold();
    fold.apply({ ...entry, refs }, 0);
    const [read] = fold.stops();
    assert.deepEqual([read?.until, read?.since, read?.placedAt], [null, null, placedAt]);
  });

  test('keeps the first of two entries of one stop, so that nobody makes it milder', () => {
    const fold = createLedgerFold();
    fold.apply(entryOf(stop(), 'stop.placed'), 0);
    fold.apply(entryOf(stop({ until: placedAt }), 'stop.placed'), 0);
    assert.equal(fold.stops()[0]?.until, null);
  });

  test('lifts by the digest of the very stop', () => {
    const fold = createLedgerFold();
    fold.apply(entryOf(stop({ reason: 'not placed yet' }), 'stop.lifted'), 0);
    fold.apply(entryOf(stop(), 'stop.placed'), 0);
    fold.apply(entryOf(stop({ reason: 'another one' }), 'stop.lifted'), 0);
    assert.equal(fold.stops().length, 1);
    fold.apply(entryOf(stop(), 'stop.lifted'), 0);
    assert.deepEqual([fold.stops(), fold.isLifted(stop().id)], [[], true]);
  });
});

test('a freeze whose end is this very moment is over', () => {
  const given = { rows: [stop({ until: later })], ledger: [], isLifted: () => false };
  assert.equal(stopsInForce({ ...given, now: new Date(later.getTime() - 1) }).length, 1);
  assert.equal(stopsInForce({ ...given, now: later }).length, 0);
});
