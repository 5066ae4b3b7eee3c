import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LedgerError } from '@airlock/common/ledger/ledger-error';
import { createPasskeyWithdrawal } from './withdraw-passkey.ts';

type Ports = Parameters<typeof createPasskeyWithdrawal>[0];

test('while the ledger cannot be proven nobody takes another’s passkey away, and everybody their own', async () => {
  const withdrawn: string[] = [];
  const person = (id: string) => ({ id, nameId: id, name: id, roles: ['security'], gitEmails: [] });
  // The members that are read.
  const ports = {
    files: () =>
      Promise.resolve({
        roster: { roster: { people: [person('leo'), person('mira')] } },
        targets: new Map(),
      }),
    passkeys: {
      find: () => Promise.resolve({ credentialId: 'key', person: 'leo', revokedAt: null }),
      revoke: (_tx: unknown, id: string) => Promise.resolve(withdrawn.push(id)),
    },
    proofs: {
      facts: () => Promise.reject(new LedgerError('root-mismatch', 'a row is missing')),
    },
    recorder: { record: () => Promise.resolve('') },
    database: { transaction: (work: (tx: object) => unknown) => work({}) },
    now: () => new Date('2026-11-22T10:00:00Z'),
  } as unknown as Ports;
  const withdraw = createPasskeyWithdrawal(ports);
  await assert.rejects(withdraw('mira', 'key'), { code: 'passkey-counts' });
  assert.deepEqual(withdrawn, []);
  await withdraw('leo', 'key');
  assert.deepEqual(withdrawn, ['key']);
});
