/** Two faults in one approval: the earlier check of the order names the code. */
import type { SigningChanges } from '@airlock/common/testing/approval-world';
import type { CaseTable } from '../case.ts';
import {
  approve,
  client,
  good,
  known,
  leo,
  mira,
  noor,
  one,
  said,
  signed,
  spelt,
  swapped,
} from './world.ts';

const bothClient = (clientData: Record<string, unknown>, more: SigningChanges = {}) =>
  signed({ clientData, ...more });
export const order: CaseTable = [
  [
    'not canonical and of another kind',
    'E_NOT_CANONICAL',
    spelt('approval/v1",', 'approval/v2", '),
  ],
  [
    'of another kind with a sixth field',
    'E_PREDICATE_TYPE',
    spelt(/approval\/v1","predicate":\{/, 'approval/v2","predicate":{"x":1,'),
  ],
  [
    'a sixth field by an unknown passkey',
    'E_APPROVAL',
    one({
      ...approve(leo, { statementText: (text) => swapped(text, '"decision"', '"x":1,"decision"') }),
      credentialId: 'x',
    }),
  ],
  [
    'a revoked passkey of somebody else',
    'E_APPROVAL_CRED_REVOKED',
    { ...said({ approver: 'mira' }), ...known({ revokedAt: '2026-01-01T00:00:00Z' }) },
  ],
  [
    'somebody else for another promotion',
    'E_APPROVAL_IDENTITY',
    said({ approver: 'mira', promotionDigest: '0'.repeat(64) }),
  ],
  [
    'another promotion for another target',
    'E_APPROVAL_DIGEST',
    said({ promotionDigest: '0'.repeat(64), target: 'x' }),
  ],
  ['another target rejected', 'E_APPROVAL_TARGET', said({ target: 'x', decision: 'reject' })],
  [
    'rejected and expired',
    'E_APPROVAL_DECISION',
    said({ decision: 'reject', notAfter: '2026-01-01T00:00:00Z' }),
  ],
  [
    'expired and used before',
    'E_APPROVAL_EXPIRED',
    { ...said({ notAfter: '2026-01-01T00:00:00Z' }), usedNonces: ['nonce-leo'] },
  ],
  [
    'used before by a developer',
    'E_APPROVAL_NONCE',
    { ...known({ roles: [] }), usedNonces: ['nonce-leo'] },
  ],
  [
    'a developer with a registration',
    'E_APPROVAL_ROLE',
    { ...client({ type: 'webauthn.create' }), ...known({ roles: [] }) },
  ],
  [
    'a key twice in a registration',
    'E_JSON_DUP',
    signed({
      clientData: { type: 'webauthn.create' },
      clientDataText: (text) => text.replace('{', '{"origin":"x",'),
    }),
  ],
  [
    'a registration in a frame',
    'E_WEBAUTHN_TYPE',
    bothClient({ type: 'webauthn.create', crossOrigin: true }),
  ],
  [
    'a frame of another origin',
    'E_WEBAUTHN_CROSS_ORIGIN',
    bothClient({ crossOrigin: true, origin: 'x' }),
  ],
  [
    'another origin with another challenge',
    'E_WEBAUTHN_ORIGIN',
    bothClient({ origin: 'x', challenge: 'x' }),
  ],
  [
    'another challenge of another site',
    'E_WEBAUTHN_CHALLENGE',
    bothClient({ challenge: 'x' }, { rpId: 'x' }),
  ],
  ['another site without touch', 'E_WEBAUTHN_RPID', signed({ rpId: 'x', flags: 0 })],
  ['neither touch nor PIN', 'E_WEBAUTHN_UP', signed({ flags: 0 })],
  ['no PIN and a reserved flag', 'E_WEBAUTHN_UV', signed({ flags: 0x03 })],
  [
    'a reserved flag and the counter as before',
    'E_WEBAUTHN_FLAGS',
    signed({ flags: 0x07, counter: 5 }),
  ],
  [
    'the counter as before and another key',
    'E_WEBAUTHN_COUNTER',
    { ...signed({ counter: 5 }), ...known({ publicKeyPem: noor.credential.publicKeyPem }) },
  ],
  [
    'a broken signature of the requester',
    'E_WEBAUTHN_SIG',
    { ...one({ ...good, signature: '' }), requester: 'leo' },
  ],
  [
    'a fault in the second before the set',
    'E_WEBAUTHN_UV',
    { approvals: [good, approve(mira, { flags: 1 })], requester: 'leo' },
  ],
];
