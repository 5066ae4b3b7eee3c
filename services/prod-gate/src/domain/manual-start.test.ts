import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Roster, type TargetPolicy } from '@airlock/common/policy/target-policy';
import { policy as ordinary } from '../http/views/promotion-view.fixture.ts';
import { awaitsStart } from './awaits-start.ts';
import { manualStart, type StartAct } from './manual-start.ts';
import { good, now } from './verdict.fixture.ts';
import { evaluatePromotion, type PromotionFacts } from './verdict.ts';

const policy: TargetPolicy = { ...ordinary, deliver: { ...ordinary.deliver, start: 'manual' } };
const person = (id: string, name: string, role: string) => ({
  ...{ id, name, nameId: `${id}@idp.example`, roles: [role], gitEmails: [] },
});
const roster = Roster.parse({
  version: 1,
  people: [person('leo', 'Leo', 'release-manager'), person('dana', 'Dana', 'developer')],
});
const digest = '1'.repeat(64);
const at = (second: number): Date => new Date(now.getTime() + second * 1000);
const act = (over: Partial<StartAct> = {}): StartAct => ({
  ...{ promotionDigest: digest, person: 'leo', at: at(10) },
  ...over,
});
const started = (
  acts: readonly StartAct[],
  withdrawals: readonly { promotionDigest: string; at: Date }[] = [],
): string | null =>
  manualStart({
    ...{ policy, roster, acts, promotionDigest: digest },
    approvals: [
      { promotionDigest: digest, withdrawn: null },
      ...withdrawals.map(({ promotionDigest, at }) => ({ promotionDigest, withdrawn: { at } })),
    ],
  }).startedBy;

describe('a start', () => {
  test('is somebody’s who has a role of the rules, and they are named', () => {
    const nobody = manualStart({
      ...{ policy, roster, acts: [], approvals: [], promotionDigest: digest },
    });
    assert.deepEqual(nobody, { startedBy: null, may: ['Leo'] });
    assert.equal(started([act()]), 'leo');
    assert.equal(started([act({ person: 'dana' })]), null, 'no role of the rules');
    assert.equal(started([act({ person: 'gone' })]), null, 'nobody of the roster');
  });

  test('is of one document and of no other', () => {
    assert.equal(started([act({ promotionDigest: '2'.repeat(64) })]), null);
  });

  test('is over when an approval of that document is taken back, at the same moment too', () => {
    assert.equal(started([act()], [{ promotionDigest: digest, at: at(10) }]), null);
    assert.equal(started([act()], [{ promotionDigest: digest, at: at(11) }]), null);
    assert.equal(started([act()], [{ promotionDigest: digest, at: at(9) }]), 'leo');
    assert.equal(started([act()], [{ promotionDigest: '2'.repeat(64), at: at(11) }]), 'leo');
    const anew = [act(), act({ at: at(12) })];
    assert.equal(started(anew, [{ promotionDigest: digest, at: at(11) }]), 'leo');
  });
});

describe('what is awaited is a start', () => {
  const start = { startedBy: null, may: ['Leo'] };
  const awaited = (over: Partial<PromotionFacts>): boolean =>
    awaitsStart(evaluatePromotion({ ...good, start, ...over }));

  test('once nothing else is missing but time that begins with it', () => {
    assert.equal(awaited({}), true);
    assert.equal(awaited({ cooling: { startsAt: null } }), true);
    assert.equal(awaited({ artifactPresent: false }), false);
    assert.equal(awaited({ windowClosed: { denied: null, opensAt: null } }), false);
    assert.equal(awaited({ approvals: { ...good.approvals, have: 1 } }), false);
  });

  test('and not where somebody started it, or it starts by itself', () => {
    assert.equal(awaited({ start: { startedBy: 'leo', may: ['Leo'] } }), false);
    assert.equal(awaited({ start: null }), false);
    assert.equal(awaited({ start: null, cooling: { startsAt: null } }), false);
  });
});
