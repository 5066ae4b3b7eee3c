import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newsOf, WatchedDelivery } from './watch.ts';

const credential = {
  as: 'db',
  path: 'database/creds/loader',
  issuedAt: '2026-11-22T12:00:02.114Z',
  diesAtLatest: '2026-11-22T12:05:02.000Z',
  goneAt: null as string | null,
};
const delivery = (change: object = {}) =>
  WatchedDelivery.parse({
    ...{ id: 'dlv_0000000001', promotion: 'prm_0000000001', target: 'prod-eu', state: 'running' },
    ...{ step: 'hook', verification: null, outcomeReason: null, log: [] },
    leases: [{ state: 'LEASED', attempts: 0, lastError: null, credentials: [credential] }],
    ...change,
  });

test('a delivery says where it is and until when each credential can live', () => {
  assert.deepEqual(newsOf(delivery()), [
    'dlv_0000000001 → prod-eu: hook',
    'credential db (database/creds/loader) issued 2026-11-22T12:00:02.114Z, dies at the latest 2026-11-22T12:05:02.000Z',
  ]);
});

test('a revoked credential says how long it lived, and one whose revocation fails why and how often', () => {
  const gone = { ...credential, goneAt: '2026-11-22T12:00:14.870Z' };
  const lease = { state: 'CLEAN', attempts: 1, lastError: 'Vault did not answer' };
  const clean = newsOf(delivery({ leases: [{ ...lease, credentials: [gone] }] }));
  assert.equal(clean.at(-1), 'credential db revoked 2026-11-22T12:00:14.870Z (lived 12.8 s)');
  const pending = { ...lease, state: 'REVOKE_PENDING', attempts: 3, credentials: [credential] };
  assert.equal(
    newsOf(delivery({ leases: [pending] })).at(-1),
    'revoking failed, trying again (3): Vault did not answer',
  );
});

test('a credential that was planned and never read is not called issued or revoked', () => {
  const planned = { ...credential, issuedAt: null, diesAtLatest: null, goneAt: null };
  const lease = { state: 'CLEAN', attempts: 1, lastError: null, credentials: [planned] };
  assert.deepEqual(newsOf(delivery({ state: 'failed', leases: [lease] })), [
    'dlv_0000000001 → prod-eu: failed',
  ]);
});

test('nothing that a delivery says moves a terminal', () => {
  const hostile = 'a\u001b[2Jb\u202ec';
  const read = { as: hostile, path: hostile, issuedAt: hostile, diesAtLatest: hostile };
  const lease = { state: 'REVOKE_PENDING', attempts: 1, lastError: hostile };
  const lines = newsOf(
    delivery({
      ...{ id: hostile, target: hostile, step: hostile, verification: hostile },
      leases: [{ ...lease, credentials: [{ ...read, goneAt: hostile }] }],
    }),
  ).join('\n');
  assert.doesNotMatch(lines.replaceAll('\n', ''), /[\p{Cc}\p{Cf}]/u);
  assert.equal(lines.split('\\u{1b}').length, 12);
});
