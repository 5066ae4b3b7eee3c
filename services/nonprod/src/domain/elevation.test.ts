import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ElevationWish, mayBecomeAdministrator, rolesNow, standingOf } from './elevation.ts';

test('the platform role is had only by whoever took it up, and no other role waits for that', () => {
  const cases = [
    [['platform'], false, [], ['platform']],
    [['platform'], true, ['platform'], []],
    [['developer', 'platform'], false, ['developer'], ['platform']],
    [['developer', 'platform'], true, ['developer', 'platform'], []],
    [['developer'], false, ['developer'], []],
    // Taken up before the group was lost: nothing is left of it.
    [['developer'], true, ['developer'], []],
    [[], true, [], []],
  ] as const;
  for (const [given, isElevated, roles, mayTakeUp] of cases) {
    assert.deepEqual(rolesNow(given, isElevated), { roles, mayTakeUp });
  }
});

test('it takes a reason, half an hour unless said otherwise, and an hour at most', () => {
  assert.equal(ElevationWish.parse({ reason: ' new pool ' }).minutes, 30);
  assert.equal(ElevationWish.parse({ reason: ' new pool ' }).reason, 'new pool');
  assert.equal(ElevationWish.parse({ reason: 'new pool', minutes: 60 }).minutes, 60);
  for (const wish of [{}, { reason: '    ' }, { reason: 'x' }, { reason: 'new pool', minutes: 61 }])
    assert.equal(ElevationWish.safeParse(wish).success, false, JSON.stringify(wish));
  for (const minutes of [0, -1, 1.5, 1e9])
    assert.equal(ElevationWish.safeParse({ reason: 'new pool', minutes }).success, false);
});

test('whoever is named first or had the yes of another may, and nobody by their own or another’s wish', () => {
  const wish = { id: '1', person: 'ada', reason: 'a pool', askedAt: new Date(), admittedBy: null };
  const cases = [
    ['ada', ['ada'], null, 'first', true],
    ['ada', ['Ada', 'ada '], null, 'newcomer', false],
    ['ada', [], null, 'newcomer', false],
    ['ada', [], wish, 'waiting', false],
    ['ada', [], { ...wish, admittedBy: 'bob' }, 'admitted', true],
    ['ada', [], { ...wish, admittedBy: 'ada' }, 'waiting', false],
    ['eve', [], { ...wish, admittedBy: 'bob' }, 'newcomer', false],
  ] as const;
  for (const [person, first, given, standing, may] of cases) {
    assert.equal(standingOf(person, first, given), standing);
    assert.equal(mayBecomeAdministrator(standing), may);
  }
});
