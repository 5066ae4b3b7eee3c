import assert from 'node:assert/strict';
import test from 'node:test';
import { enrolmentDigest } from '@airlock/common/approval/count-approvals';
import { mayOthersWithdraw, passkeyState, waits, type ShownPasskey } from './passkey-state.ts';

const now = new Date('2026-11-22T10:00:00Z');
const [earlier, later] = [new Date('2026-11-22T09:00:00Z'), new Date('2026-11-22T11:00:00Z')];
const enrolment = {
  ...{ credentialId: 'AAAA', person: 'leo', publicKeyPem: 'PEM' },
  ...{ rpId: 'gate.example', origin: 'https://gate.example' },
};
const passkey: ShownPasskey['passkey'] = {
  ...enrolment,
  ...{ label: 'laptop', cosePublicKey: Buffer.of(), signCount: 0 },
  ...{ enrolledAt: earlier, lastUsedAt: null, revokedAt: null },
  enrolmentDigest: enrolmentDigest(enrolment),
};
const nobody = { id: 'leo', name: 'Leo', nameId: 'leo@idp', roles: [], gitEmails: [] };
const listed = { ...nobody, passkeys: [passkey.enrolmentDigest] };
const known = (countsFrom: Date, withdrawnAt: Date | null = null): ShownPasskey['enrolment'] => ({
  ...{ person: 'leo', countsFrom, withdrawnAt },
});

const cases: readonly (readonly [
  title: string,
  shown: Partial<ShownPasskey>,
  state: string,
  says: { readonly waits: boolean; readonly others: boolean },
])[] = [
  ['the ledger has not', { person: listed }, 'recording', { waits: true, others: true }],
  [
    'in its first day',
    { person: listed, enrolment: known(later) },
    'first-day',
    { waits: true, others: true },
  ],
  [
    'in its first day, that the roster lacks',
    { person: { ...nobody, passkeys: [] }, enrolment: known(later) },
    'first-day',
    { waits: true, others: true },
  ],
  [
    'after it, that the roster lacks',
    { person: { ...nobody, passkeys: [] }, enrolment: known(earlier) },
    'unlisted',
    { waits: true, others: false },
  ],
  [
    'of somebody the roster lacks',
    { enrolment: known(earlier) },
    'unlisted',
    { waits: true, others: false },
  ],
  [
    'listed and after its day',
    { person: listed, enrolment: known(earlier) },
    'in-force',
    { waits: false, others: false },
  ],
  [
    'of somebody whose passkeys no roster lists, as in the demo',
    { person: nobody, enrolment: known(later) },
    'in-force',
    { waits: false, others: true },
  ],
  [
    'withdrawn by the ledger',
    { person: listed, enrolment: known(earlier, earlier) },
    'withdrawn',
    { waits: false, others: false },
  ],
  [
    'withdrawn, which the ledger has not',
    { person: listed, passkey: { ...passkey, revokedAt: now }, enrolment: known(later) },
    'withdrawn',
    { waits: false, others: false },
  ],
];
for (const [title, given, state, says] of cases) {
  test(`a passkey ${title}: ${state}`, () => {
    const shown = { passkey, person: null, enrolment: null, ...given };
    assert.equal(passkeyState(shown, now), state);
    assert.deepEqual({ waits: waits(shown, now), others: mayOthersWithdraw(shown, now) }, says);
  });
}
