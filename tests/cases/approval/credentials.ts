/** Whose passkey it is, and what the statement claims. */
import type { CaseTable } from '../case.ts';
import { credential, good, known, leo, mira, noor, one, said } from './world.ts';

export const credentials: CaseTable = [
  [
    'a passkey that was never enrolled',
    'E_APPROVAL_CRED_UNKNOWN',
    one({ ...good, credentialId: 'cred-x' }),
  ],
  [
    'a passkey called __proto__',
    'E_APPROVAL_CRED_UNKNOWN',
    one({ ...good, credentialId: '__proto__' }),
  ],
  [
    'a passkey id without characters',
    'E_APPROVAL_CRED_UNKNOWN',
    one({ ...good, credentialId: '' }),
  ],
  [
    'a passkey enrolled twice',
    'E_APPROVAL_CRED_UNKNOWN',
    { credentials: [credential(leo), credential(leo, { approver: 'eve' }), credential(mira)] },
  ],
  [
    'a passkey revoked this moment',
    'E_APPROVAL_CRED_REVOKED',
    known({ revokedAt: '2026-11-22T12:00:00Z' }),
  ],
  [
    'a passkey whose first day ends in a second',
    'E_APPROVAL_CRED_WAITS',
    known({ countsFrom: '2026-11-22T12:00:01Z' }),
  ],
  [
    'a passkey whose first day ends this moment',
    'OK',
    known({ countsFrom: '2026-11-22T12:00:00Z' }),
  ],
  ['a passkey to be revoked in a second', 'OK', known({ revokedAt: '2026-11-22T12:00:01Z' })],
  [
    'a revoked passkey that nobody uses',
    'OK',
    {
      credentials: [
        credential(leo),
        credential(mira),
        credential(noor, { revokedAt: '2026-01-01T00:00:00Z' }),
      ],
    },
  ],
  ['the passkey of somebody else', 'E_APPROVAL_IDENTITY', said({ approver: 'mira' })],
  ['an approver in another case', 'E_APPROVAL_IDENTITY', said({ approver: 'Leo' })],
  ['another promotion', 'E_APPROVAL_DIGEST', said({ promotionDigest: '0'.repeat(64) })],
  ['another target', 'E_APPROVAL_TARGET', said({ target: 'prod-us' })],
  ['a target in another case', 'E_APPROVAL_TARGET', said({ target: 'Prod-EU' })],
  ['a rejection', 'E_APPROVAL_DECISION', said({ decision: 'reject' })],
  ['a rollback', 'E_APPROVAL_DECISION', said({ decision: 'rollback' })],
  ['a decision in another case', 'E_APPROVAL_DECISION', said({ decision: 'Approve' })],
  ['ends this moment', 'OK', said({ notAfter: '2026-11-22T12:00:00Z' })],
  ['ended a millisecond ago', 'E_APPROVAL_EXPIRED', said({ notAfter: '2026-11-22T11:59:59.999Z' })],
  ['a nonce used before', 'E_APPROVAL_NONCE', { usedNonces: ['nonce-leo'] }],
  ['a nonce used before in another case', 'OK', { usedNonces: ['Nonce-leo'] }],
  ['a developer', 'E_APPROVAL_ROLE', known({ roles: ['developer'] })],
  ['a person without roles', 'E_APPROVAL_ROLE', known({ roles: [] })],
  [
    'a role that only begins right',
    'E_APPROVAL_ROLE',
    known({ roles: ['release-manager-trainee'] }),
  ],
  ['a person with two roles', 'OK', known({ roles: ['developer', 'release-manager'] })],
];
