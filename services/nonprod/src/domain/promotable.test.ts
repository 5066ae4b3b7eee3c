import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mayAskForPromotion } from './promotable.ts';
import { nextReleaseName, releaseDay } from './release-name.ts';

const wish = { target: 'prod', reason: 'VAT per line' };

test('a build of main may be asked for where its release file says', () => {
  assert.deepEqual(
    mayAskForPromotion({ builder: 'main', targets: ['prod'], taint: null, suspicion: null }, wish),
    {
      allowed: true,
    },
  );
});

test('every reason against is told at once, by code', () => {
  const verdict = mayAskForPromotion(
    {
      builder: 'pr',
      targets: ['staging'],
      taint: 'It was built by r-7, which is quarantined: x',
      suspicion: 'Its build is suspicious (miner), and nobody has looked at it yet',
    },
    { target: 'prod', reason: '  ' },
  );
  if (verdict.allowed) assert.fail('it was allowed');
  assert.deepEqual(
    verdict.reasons.map(({ code }) => code),
    [
      ...['not-built-from-main', 'built-by-quarantined', 'suspicious-not-reviewed'],
      ...['target-not-declared', 'reason-missing'],
    ],
  );
});

test('release names count up within the day, whatever else is named alike', () => {
  const day = releaseDay(new Date('2026-11-22T23:59:59Z'));
  assert.equal(day, '2026.11.22');
  assert.equal(nextReleaseName(day, []), '2026.11.22-1');
  const taken = [
    '2026.11.22-2',
    '2026.11.22-10',
    '2026.11.21-99',
    '2026.11.22-x',
    '2026.11.22-011',
  ];
  assert.equal(nextReleaseName(day, taken), '2026.11.22-11');
});
