import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { describe, test } from 'node:test';
import { keyIdOf } from './signer.ts';
import {
  distrustSigner,
  pinSigner,
  rotateSigner,
  TrustFile,
  type TrustFileRow,
} from './trust-file.ts';

function newKey(): Pick<TrustFileRow, 'keyid' | 'publicKeyPem' | 'alg'> {
  const { publicKey } = generateKeyPairSync('ed25519');
  const publicKeyPem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  return { keyid: keyIdOf(publicKey), publicKeyPem, alg: 'ed25519' };
}

const now = new Date('2026-11-22T12:00:00Z');
const row: TrustFileRow = {
  ...newKey(),
  roles: ['provenance'],
  builderIds: ['https://ci.example/main@v1'],
  notBefore: '2026-01-01T00:00:00Z',
  notAfter: '2027-01-01T00:00:00Z',
  adminDomain: 'nonprod',
};
const file: TrustFile = { version: 1, signers: [row] };
const notAfter = new Date('2027-11-22T12:00:00Z');
const week = 7 * 86_400;

test('a row says whose machine holds the key', () => {
  const without = { ...row, adminDomain: undefined };
  assert.ok(!TrustFile.safeParse({ version: 1, signers: [without] }).success);
});

test('a rotation puts the new key beside the old one with what the old one may, for the overlap', () => {
  const key = newKey();
  const { signers } = rotateSigner(file, row.keyid, { key, now, overlapSeconds: week, notAfter });
  assert.deepEqual(signers, [
    { ...row, notAfter: '2026-11-29T12:00:00Z' },
    { ...row, ...key, notBefore: '2026-11-22T12:00:00Z', notAfter: '2027-11-22T12:00:00Z' },
  ]);
});

test('a key that nobody trusts counts for nothing from that moment, and its row stays to say so', () => {
  const since = new Date('2026-11-20T00:00:00Z');
  const { signers } = distrustSigner(file, row.keyid, since);
  assert.deepEqual(signers, [{ ...row, revokedAt: '2026-11-20T00:00:00Z' }]);
});

describe('a change that makes no sense is refused, and says what does', () => {
  const change = { key: newKey(), now, overlapSeconds: week, notAfter };
  const revoked = distrustSigner(file, row.keyid, now);
  for (const [what, work, message] of [
    ['pinning a key twice', () => pinSigner(file, row), /stands in the file already/],
    [
      'pinning a key under another id',
      () => pinSigner(file, { ...row, keyid: newKey().keyid }),
      /the key's id is/,
    ],
    [
      'pinning for a window that ends before it begins',
      () => pinSigner(file, { ...row, ...newKey(), notAfter: row.notBefore }),
      /notBefore is not before notAfter/,
    ],
    ['rotating an unknown key', () => rotateSigner(file, 'x', change), /no key x in the file/],
    [
      'rotating to the key that is there',
      () => rotateSigner(file, row.keyid, { ...change, key: row }),
      /stands in the file already/,
    ],
    [
      'rotating a revoked key',
      () => rotateSigner(revoked, row.keyid, change),
      /is revoked; pin the new key/,
    ],
    [
      'an overlap that outlives the old key',
      () => rotateSigner(file, row.keyid, { ...change, overlapSeconds: 60 * 86_400 }),
      /within the overlap/,
    ],
    ['revoking twice', () => distrustSigner(revoked, row.keyid, now), /is revoked since/],
  ] as const) {
    test(what, () => {
      assert.throws(work, { code: 'E_TRUST_STORE', message });
    });
  }
});
