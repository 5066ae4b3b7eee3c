import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CredentialRead } from '@airlock/common/policy/target-credentials';
import { livesTooLong, plannedCredentials, plannedLife } from './planned-credentials.ts';

const reads: CredentialRead[] = [
  { as: 'db', kind: 'database', mount: 'database', role: 'shop' },
  { as: 'cloud', kind: 'aws', mount: 'aws', role: 'deploy', life: 900 },
  { as: 'host-key', kind: 'ssh', mount: 'ssh', role: 'deploy', principals: ['deploy'] },
  { as: 'client', kind: 'pki', mount: 'pki', role: 'deploy', commonName: 'deploy.example' },
  { as: 'api', kind: 'kv', mount: 'kv', path: 'prod/api', field: 'token' },
];
const ttl = 180;

test('every read is planned with where it is asked for and how it ends', () => {
  assert.deepEqual(
    plannedCredentials(reads).map(({ name, path, ending }) => [name, path, ending]),
    [
      ['db', 'database/creds/shop', 'revocable'],
      ['cloud', 'aws/creds/deploy', 'ttl-only'],
      ['host-key', 'ssh/sign/deploy', 'ttl-only'],
      ['client', 'pki/issue/deploy', 'ttl-only'],
      ['api', 'kv/data/prod/api', 'by-hand'],
    ],
  );
});

test('people are told before they approve how each one ends', () => {
  assert.deepEqual(
    reads.map((read) => plannedLife(read, { ttl })),
    [
      'at most 180 s, destroyed when the hook ends',
      'ends by itself within 900 s; revocation cannot end it sooner',
      'ends by itself within 180 s; revocation cannot end it sooner',
      'ends by itself within 180 s; revocation cannot end it sooner',
      'does not end by itself: a person replaces it',
    ],
  );
});

test('a life is too long from five seconds over what was approved, which is where clocks differ', () => {
  const tooLong = (index: number, seconds: number | null) => {
    const read = reads[index];
    assert.ok(read !== undefined);
    return livesTooLong(read, { seconds, ttl });
  };
  assert.equal(tooLong(0, 185), null);
  assert.match(tooLong(0, 186) ?? '', /lower default_ttl and max_ttl of role shop at database/);
  assert.equal(tooLong(1, 905), null);
  assert.match(tooLong(1, 3600) ?? '', /cloud for 3600 s, approved were 900 s/);
  assert.match(tooLong(2, 186) ?? '', /lower max_ttl of role deploy at ssh/);
  assert.match(tooLong(3, 186) ?? '', /lower max_ttl of role deploy at pki/);
  assert.equal(tooLong(4, null), null);
});
