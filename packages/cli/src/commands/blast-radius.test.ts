import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CliError } from '../exit-codes.ts';
import { blastRadiusLines, blastRadiusPath, type BlastRadiusAnswer } from './blast-radius.ts';

const answer: BlastRadiusAnswer = {
  ...{ matter: 'runner:r-7', since: '2026-11-20T12:00:00.000Z', until: null, hasMore: false },
  ...{ doubt: 'Which runner built is the builder’s word.', keys: ['k+/='], quarantines: [] },
  touched: [
    {
      ...{ promotion: 'prm_0000000001', target: 'prod-eu', release: '2026.11.22-1' },
      ...{ state: 'live', admittedAt: '2026-11-22T10:00:00.000Z', live: true, heldBy: [] },
      why: [{ basis: 'claimed', text: 'its builder says that runner r-7 built it' }],
      adviceText: 'Live now: return to an earlier release.',
    },
  ],
};

test('exactly one thing is asked for, and its signs survive the query', () => {
  assert.equal(
    blastRadiusPath({ key: 'k+/=', since: '48h' }),
    '/api/v1/blast-radius?matter=key%3Ak%2B%2F%3D&since=48h',
  );
  for (const options of [{}, { key: 'k', runner: 'r' }]) {
    assert.throws(
      () => blastRadiusPath(options),
      (error) => error instanceof CliError && error.exitCode === 2,
    );
  }
});

test('what is live is marked, on which evidence is said, and which key to ask for next', () => {
  const lines = blastRadiusLines(answer).join('\n');
  assert.match(lines, /^runner:r-7: 1 release\(s\), 1 live, taken in since 2026-11-20/);
  assert.match(lines, /LIVE prod-eu {2}2026.11.22-1 {2}prm_0000000001/);
  assert.match(lines, /runner r-7 built it \(claimed by the builder\)/);
  assert.match(lines, /airlock blast-radius --key k\+\/=/);
});
