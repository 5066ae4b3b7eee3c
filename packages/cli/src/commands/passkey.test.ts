import assert from 'node:assert/strict';
import { test } from 'node:test';
import { passkeyLines, type ListedPasskeys } from './passkey.ts';

const row: ListedPasskeys['passkeys'][number] = {
  ...{ credentialId: 'AAAA', person: 'leo', label: 'lap\u001b[2Jtop', state: 'in-force' },
  ...{ enrolledAt: '2026-11-22T10:00:00.000Z', countsFrom: null, withdrawnAt: null },
};

test('airlock passkey list says whose, since when and what each waits for, and no terminal sequence of a name', () => {
  const waiting = { ...row, state: 'first-day' as const, countsFrom: '2026-11-23T10:00:00.000Z' };
  const gone = { ...row, state: 'withdrawn' as const, withdrawnAt: '2026-11-22T11:00:00.000Z' };
  const passkeys = [waiting, { ...row, state: 'unlisted' as const }, gone];
  const lines = passkeyLines({ page: 1, hasMore: true, passkeys }, 'https://gate.example');
  assert.deepEqual(lines.slice(0, 2), [
    'AAAA  leo  “lap\\u{1b}[2Jtop”',
    '  waits: counts from 2026-11-23T10:00:00Z, when it is in the roster by then; added 2026-11-22T10:00:00Z',
  ]);
  assert.match(lines[3] ?? '', /^ {2}waits: counts once it is in the roster;/);
  assert.match(lines[5] ?? '', /^ {2}withdrawn 2026-11-22T11:00:00Z;/);
  assert.deepEqual(lines.slice(6), [
    'Older ones: airlock passkey list --page 2',
    'Not its person’s? airlock passkey withdraw ID. One is added in the browser: https://gate.example/me',
  ]);
});
