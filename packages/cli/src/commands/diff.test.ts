import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Difference, statLines } from './diff.ts';

const file = (added: number | null, removed: number | null) => ({
  ...{ path: 'a', status: 'M', added, removed },
});
const difference = (changes: object, reverts: object[] | null = []) =>
  Difference.parse({
    ...{ target: 'prod-eu', release: '2026.11.21-3', promotionDigest: '0'.repeat(64) },
    against: 'live',
    changes: { base: null, commitCount: 3, commits: [], fileCount: 2, files: [], ...changes },
    newer: reverts === null ? null : { reverts },
  });

test('--stat counts commits, lines, migrations, dependencies and files by owner', () => {
  const lines = statLines(
    difference({
      base: { release: '2026.11.19-1', commit: '4f0a1b2c'.padEnd(40, '0') },
      files: [file(12, 3), file(null, null)],
      migrations: { count: 1 },
      dependencies: { added: 1, removed: 0, changed: 2 },
      owners: [
        { owner: '@shop/payments', files: 1 },
        { owner: '', files: 1 },
      ],
    }),
  );
  assert.deepEqual(lines, [
    'against 2026.11.19-1 (4f0a1b2c)',
    '3 commits',
    '2 files  +12 −3',
    '1 migration',
    'dependencies  +1 −0 ~2',
    '1 file of @shop/payments',
    '1 file of nobody',
  ]);
});

test('--stat says when not every file is listed, and when what ships was taken back on main', () => {
  const lines = statLines(difference({ fileCount: 900, files: [file(1, 0)] }, [{}, {}]));
  assert.equal(lines[0], 'against nothing: the first delivery');
  assert.ok(lines.includes('900 files  +1 −0  (lines of 1 of them)'));
  assert.equal(lines.at(-1), '2 commits of these taken back on main since');
});
