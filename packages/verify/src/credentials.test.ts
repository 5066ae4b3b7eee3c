import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DeliveryRecord, IssuedCredential } from '@airlock/common/intoto/delivery';
import { TargetPolicy } from '@airlock/common/policy/target-policy';
import { checkCredentials } from './credentials.ts';
import { createEvidenceWorld } from './testing/evidence-world.ts';

const world = createEvidenceWorld();
const files = await world.files({ reads: ['db', 'web', 'api'] });
const policy = TargetPolicy.parse(JSON.parse(files.get('policy.yaml')?.toString() ?? ''));
const all = world.credentialsOf(['db', 'web', 'api']);
const [db, web, api] = all;
assert.ok(db !== undefined && web !== undefined && api !== undefined);
const ran = {
  name: `load@sha256:${'a'.repeat(64)}`,
  startedAt: db.issuedAt,
  finishedAt: null,
  exit: null,
};
const never = { ...ran, startedAt: null };
const session = { id: 'vse_0123456789', accessor: null, revokedAt: db.issuedAt };

const checked = (credentials: IssuedCredential[], more: Partial<DeliveryRecord> = {}): string =>
  checkCredentials({ session, credentials, hook: never, ...more }, policy);

test('one of each ending is told as it ends', () => {
  assert.match(
    checked(all, { hook: ran }),
    /^3 credentials issued: 1 revoked after 0\.0 s, 1 ends by/,
  );
  assert.match(checked([web, { ...web, as: 'web' }]), /^2 .*: 2 end by themselves, the last at /);
  assert.equal(checked([]), 'no credential was issued; its session is proven closed');
  assert.match(checked([], { session: null }), /^no credential, say/);
});

test('what the approved target file does not read is a fault', () => {
  assert.throws(() => checked([{ ...db, as: 'other' }]), /reads no database credential other/);
  assert.throws(() => checked([{ ...db, kind: 'aws' }]), /reads no aws credential db/);
});

test('a kind that is said to end otherwise than its kind ends is a fault', () => {
  assert.throws(() => checked([{ ...web, ending: 'revocable' }]), /a ssh credential is ttl-only/);
  assert.throws(() => checked([{ ...web, diesAt: null }]), /web is ttl-only and has no end/);
  assert.throws(() => checked([{ ...api, diesAt: api.issuedAt }]), /api is by-hand and has an end/);
});

test('a hook that ran without all of them is a fault, a delivery that ended between two is none', () => {
  assert.throws(
    () => checked([db, web], { hook: ran }),
    /the hook ran with 2 of the 3 credentials/,
  );
  assert.match(checked([db, web]), /^2 credentials issued/);
});
