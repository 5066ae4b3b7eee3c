import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Roster, type TargetPolicy } from '@airlock/common/policy/target-policy';
import { policy as ordinary } from '../http/views/promotion-view.fixture.ts';
import { awaitsStart } from './awaits-start.ts';
import type { AskedStart } from './asked-starts.ts';
import { manualStart } from './manual-start.ts';
import { headline } from './sentences.ts';
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
const asking = (over: Partial<AskedStart> = {}): AskedStart => ({
  ...{ person: 'leo', at: at(10), endedBy: null },
  ...over,
});
const given = { policy, roster, promotionDigest: digest, approvals: [], now: at(60) };
const start = (
  asked: readonly AskedStart[],
  withdrawals: readonly { promotionDigest: string; at: Date }[] = [],
  windows: TargetPolicy['windows'] | null = null,
) =>
  manualStart({
    ...{ ...given, asked, windows },
    approvals: [
      { promotionDigest: digest, withdrawn: null },
      ...withdrawals.map(({ promotionDigest, at }) => ({ promotionDigest, withdrawn: { at } })),
    ],
  });
const lapsed = (by: string, at_ = at(10)) => ({ person: 'Leo', at: at_, by });

describe('a start', () => {
  test('is somebody’s who has a role of the rules, and they are named', () => {
    assert.deepEqual(start([]), { startedBy: null, may: ['Leo'], lapsed: null });
    assert.deepEqual(start([asking()]), { startedBy: 'leo', may: ['Leo'], lapsed: null });
    assert.equal(start([asking({ person: 'dana' })]).startedBy, null, 'no role of the rules');
    assert.equal(start([asking({ person: 'gone' })]).startedBy, null, 'nobody of the roster');
  });

  test('that the ledger ended is over and told, until one is given anew', () => {
    for (const endedBy of ['stop', 'withdrawal'] as const) {
      const over = start([asking({ endedBy })]);
      assert.deepEqual([over.startedBy, over.lapsed], [null, lapsed(endedBy)]);
      const anew = start([asking({ endedBy }), asking({ at: at(20) })]);
      assert.deepEqual([anew.startedBy, anew.lapsed], ['leo', null]);
    }
  });

  test('is over when an approval of that document is taken back in its row, at the same moment too', () => {
    const withdrawn = (second: number, promotionDigest = digest) =>
      start([asking()], [{ promotionDigest, at: at(second) }]);
    assert.deepEqual(withdrawn(10).lapsed, lapsed('withdrawal'));
    assert.deepEqual(withdrawn(11).lapsed, lapsed('withdrawal'));
    assert.equal(withdrawn(9).startedBy, 'leo');
    assert.equal(withdrawn(11, '2'.repeat(64)).startedBy, 'leo');
  });

  test('is over when the windows were closed since it was given, also where they are open again', () => {
    const day = (text: string) => ({ name: 'quiet', start: text, end: text, tz: 'UTC' });
    const windows = { allow: [], deny: [day('2026-11-24')] };
    const on = (text: string) => asking({ at: new Date(text) });
    const judged = (asked: AskedStart, text: string, under: typeof windows | null = windows) =>
      manualStart({ ...given, asked: [asked], windows: under, now: new Date(text) });
    const before = on('2026-11-23T20:00:00Z');
    assert.equal(judged(before, '2026-11-23T23:59:59Z').startedBy, 'leo');
    assert.deepEqual(judged(before, '2026-11-25T09:00:00Z').lapsed, lapsed('window', before.at));
    assert.equal(judged(before, '2026-11-25T09:00:00Z', null).startedBy, 'leo', 'overridden');
    assert.equal(judged(on('2026-11-25T00:00:00Z'), '2026-11-25T09:00:00Z').startedBy, 'leo');
    assert.equal(judged(on('no time'), '2026-11-25T09:00:00Z').startedBy, null);
  });

  test('that is over is told with who gave it, when, what came between and how to give it again', () => {
    const facts = { ...good, start: start([asking({ endedBy: 'stop' })]) };
    const verdict = evaluatePromotion(facts);
    assert.ok(!verdict.allowed);
    const { text } = headline(verdict);
    assert.match(
      text,
      /^Leo gave the word at \d{4}-\d\d-\d\d \d\d:\d\d UTC, and then deliveries were stopped/,
    );
    assert.match(
      text,
      /Leo can give the word to start it, on its page or with airlock deliver prm_/,
    );
  });
});

describe('what is awaited is a start', () => {
  const unstarted = { startedBy: null, may: ['Leo'], lapsed: null };
  const awaited = (over: Partial<PromotionFacts>): boolean =>
    awaitsStart(evaluatePromotion({ ...good, start: unstarted, ...over }));

  test('once nothing else is missing but time that begins with it', () => {
    assert.equal(awaited({}), true);
    assert.equal(awaited({ cooling: { startsAt: null } }), true);
    assert.equal(awaited({ artifactPresent: false }), false);
    assert.equal(awaited({ windowClosed: { denied: null, opensAt: null } }), false);
    assert.equal(awaited({ approvals: { ...good.approvals, have: 1 } }), false);
  });

  test('and it is said before the announcement that comes by itself', () => {
    const verdict = evaluatePromotion({
      ...{ ...good, start: unstarted },
      cooling: { startsAt: null },
    });
    assert.ok(!verdict.allowed);
    assert.deepEqual(headline(verdict).kind, 'person');
    const announced = evaluatePromotion({ ...good, cooling: { startsAt: at(600) } });
    assert.ok(!announced.allowed);
    assert.equal(headline(announced).kind, 'time');
  });

  test('and not where somebody started it, or it starts by itself', () => {
    assert.equal(awaited({ start: { ...unstarted, startedBy: 'leo' } }), false);
    assert.equal(awaited({ start: null }), false);
    assert.equal(awaited({ start: null, cooling: { startsAt: null } }), false);
  });
});
