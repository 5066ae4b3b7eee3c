import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { promotion } from '../http/views/promotion-view.fixture.ts';
import { firstBefore } from './turn.ts';

const at = (minute: number): Date => new Date(Date.UTC(2026, 10, 22, 10, minute));
const queued = (release: string, mainPosition: number, over: Partial<typeof promotion> = {}) => ({
  ...promotion,
  ...{ release, mainPosition, id: `prm_${release.padEnd(10, '0')}` as typeof promotion.id },
  ...{ admittedAt: at(0), expiresAt: at(30) },
  ...over,
});
const returning = { delivery: 'dlv_0', promotion: 'prm_0', reason: 'it fails', migrations: [] };

function first(
  own: ReturnType<typeof queued>,
  others: readonly ReturnType<typeof queued>[],
  livePosition: number | null = null,
): string | null {
  return (
    firstBefore(own, { waiting: [own, ...others], livePosition, now: at(20) })?.release ?? null
  );
}

describe('on a target that delivers every release', () => {
  test('the earliest on main is first, whatever the order in which they came', () => {
    const [one, two, three] = [
      queued('one', 5, { admittedAt: at(9) }),
      queued('two', 6),
      queued('three', 7),
    ];
    assert.equal(first(one, [two, three]), null);
    assert.equal(first(two, [one, three]), 'one');
    assert.equal(first(three, [two, one]), 'one');
  });

  test('of two at one place it is the one that was admitted first, and one of them in every case', () => {
    const [early, late] = [queued('early', 5), queued('late', 5, { admittedAt: at(1) })];
    assert.equal(first(early, [late]), null);
    assert.equal(first(late, [early]), 'early');
    const [a, b] = [queued('a', 5), queued('b', 5)];
    assert.deepEqual([first(a, [b]), first(b, [a])], [null, 'a']);
  });

  test('what waits elsewhere holds nothing', () => {
    assert.equal(first(queued('two', 6), [queued('one', 5, { target: 'prod-us' })]), null);
  });

  test('a return waits for none and holds none', () => {
    const [one, two] = [queued('one', 5), queued('two', 6)];
    assert.equal(first({ ...two, returns: returning }, [one]), null);
    assert.equal(first(two, [{ ...one, returns: returning }]), null);
  });

  test('what has expired holds nothing, from that moment on', () => {
    const two = queued('two', 6);
    assert.equal(first(two, [queued('one', 5, { expiresAt: at(20) })]), null);
    assert.equal(first(two, [queued('one', 5, { expiresAt: at(21) })]), 'one');
  });

  test('what is older than what is live never passes and holds nothing; the same place does', () => {
    const [one, two] = [queued('one', 5), queued('two', 7)];
    assert.equal(first(two, [one], 6), null);
    assert.equal(first(two, [one], 5), 'one');
  });
});
