import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Person } from '../domain/roster.ts';
import { checkRoom, mostADay, mostWaiting } from './enrolment-room.ts';
import type { Passkey } from './passkey-ports.ts';

const now = new Date('2026-11-23T12:00:00Z');
const hours = (count: number): Date => new Date(now.getTime() - count * 3_600_000);
const mira: Person = {
  id: 'mira',
  nameId: 'mira',
  name: 'Mira',
  roles: ['security'],
  gitEmails: [],
};
const added = (enrolledAt: Date, revokedAt: Date | null = null): Passkey => ({
  ...{ credentialId: 'c', person: 'mira', label: 'desk', publicKeyPem: '', rpId: '', origin: '' },
  ...{ cosePublicKey: Buffer.alloc(0), signCount: 0, lastUsedAt: null, enrolmentDigest: '' },
  ...{ enrolledAt, revokedAt },
});
const many = (count: number, of: Passkey): Passkey[] => Array.from({ length: count }, () => of);
const full = { code: 'passkeys-full', message: /“desk”.*Withdraw one/ };

test('as many passkeys as may wait for the roster wait, and a further one is refused by their names', () => {
  const listed = { ...mira, passkeys: [] };
  checkRoom(listed, many(mostWaiting - 1, added(hours(48))), now);
  assert.throws(() => {
    checkRoom(listed, many(mostWaiting, added(hours(48))), now);
  }, full);
  checkRoom(listed, many(mostWaiting, added(hours(48), hours(1))), now);
});

test('within a day nobody adds more than the day has room for, withdrawn ones among them', () => {
  checkRoom(mira, many(mostADay, added(hours(24))), now);
  const day = [added(hours(30)), added(hours(20)), ...many(mostADay - 1, added(hours(1), now))];
  assert.throws(
    () => {
      checkRoom(mira, day, now);
    },
    { code: 'passkeys-too-many', message: /from 2026-11-23T16:00:00\.000Z on/ },
  );
  checkRoom(mira, day.slice(0, -1), now);
});
