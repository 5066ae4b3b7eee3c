import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { createApprovalWorld, type SigningChanges } from '../testing/approval-world.ts';
import { approvalCodes } from './approval-codes.ts';
import {
  judgeApprovals,
  verifyApprovals,
  type ApprovalEvidence,
  type ApprovalInput,
} from './verify-approvals.ts';

const { now, origin, leo, mira, person, approve, input } = createApprovalWorld();

function codeOf(approvals: ApprovalEvidence[], changes: Partial<ApprovalInput> = {}): string {
  const result = verifyApprovals(input(approvals, changes));
  return result.ok ? 'OK' : result.code;
}

test('two people with P-256 and Ed25519 passkeys carry a promotion', () => {
  const result = verifyApprovals(input([approve(leo), approve(mira)]));
  assert.deepEqual(result, {
    ok: true,
    counting: [
      { approver: 'leo', credentialId: 'cred-leo' },
      { approver: 'mira', credentialId: 'cred-mira' },
    ],
  });
});

const faults: [string, SigningChanges, string][] = [
  ['another promotion', { statement: { promotionDigest: '0'.repeat(64) } }, 'E_APPROVAL_DIGEST'],
  ['another target', { statement: { target: 'prod-us' } }, 'E_APPROVAL_TARGET'],
  ['a rejection', { statement: { decision: 'reject' } }, 'E_APPROVAL_DECISION'],
  ['a decision in another case', { statement: { decision: 'Approve' } }, 'E_APPROVAL_DECISION'],
  [
    'expired a second ago',
    { statement: { notAfter: '2026-11-22T11:59:59Z' } },
    'E_APPROVAL_EXPIRED',
  ],
  ['expires now', { statement: { notAfter: '2026-11-22T12:00:00Z' } }, 'OK'],
  [
    'an end with an offset',
    { statement: { notAfter: '2026-11-22T14:00:00+01:00' } },
    'E_TIME_FORMAT',
  ],
  ['an empty nonce', { statement: { nonce: '' } }, 'E_APPROVAL'],
  [
    'a statement of another kind',
    { statementText: (text) => text.replace('approval/v1', 'approval/v2') },
    'E_PREDICATE_TYPE',
  ],
  [
    'a statement about something else than a promotion',
    { statementText: (text) => text.replace('"name":"promotion"', '"name":"artifact"') },
    'E_SUBJECT_NAME',
  ],
  [
    'a statement with a further field',
    { statementText: (text) => text.replace('"decision"', '"note":"x","decision"') },
    'E_APPROVAL',
  ],
  [
    'a statement with white space',
    { statementText: (text) => text.replace(',', ', ') },
    'E_NOT_CANONICAL',
  ],
  [
    'a registration instead of an assertion',
    { clientData: { type: 'webauthn.create' } },
    'E_WEBAUTHN_TYPE',
  ],
  [
    'an origin that only begins like ours',
    { clientData: { origin: `${origin}.evil` } },
    'E_WEBAUTHN_ORIGIN',
  ],
  ['our host on another port', { clientData: { origin: `${origin}:8443` } }, 'E_WEBAUTHN_ORIGIN'],
  ['a frame', { clientData: { crossOrigin: true } }, 'E_WEBAUTHN_CROSS_ORIGIN'],
  [
    'a frame that names its top',
    { clientData: { topOrigin: 'https://evil.example' } },
    'E_WEBAUTHN_CROSS_ORIGIN',
  ],
  ['crossOrigin as a text', { clientData: { crossOrigin: 'false' } }, 'E_WEBAUTHN_CROSS_ORIGIN'],
  ['no crossOrigin', { clientData: { crossOrigin: undefined } }, 'OK'],
  ['a key that Chromium adds', { clientData: { other_keys_can_be_added_here: 'x' } }, 'OK'],
  [
    'the challenge of another statement',
    { clientData: { challenge: Buffer.alloc(32).toString('base64url') } },
    'E_WEBAUTHN_CHALLENGE',
  ],
  [
    'the origin twice',
    { clientDataText: (text) => text.replace('{', `{"origin":"${origin}",`) },
    'E_JSON_DUP',
  ],
  [
    'client data with a byte order mark',
    { clientDataText: (text) => `\uFEFF${text}` },
    'E_ENCODING',
  ],
  [
    'client data that is a list',
    { clientDataText: (text) => `[${text}]` },
    'E_WEBAUTHN_CLIENT_DATA',
  ],
  ['client data of 5 KB', { clientData: { pad: 'x'.repeat(5000) } }, 'E_WEBAUTHN_CLIENT_DATA'],
  ['the passkey of a parent domain', { rpId: 'example' }, 'E_WEBAUTHN_RPID'],
  ['no touch', { flags: 0x04 }, 'E_WEBAUTHN_UP'],
  ['no PIN', { flags: 0x01 }, 'E_WEBAUTHN_UV'],
  ['a synced passkey', { flags: 0x1d }, 'OK'],
  ['backed up but not eligible', { flags: 0x15 }, 'E_WEBAUTHN_FLAGS'],
  ['an attested key in an assertion', { flags: 0x45 }, 'E_WEBAUTHN_FLAGS'],
  [
    'extensions that nobody asked for',
    { flags: 0x85, trailing: Buffer.of(0xa0) },
    'E_WEBAUTHN_FLAGS',
  ],
  ['a reserved flag', { flags: 0x07 }, 'E_WEBAUTHN_FLAGS'],
  ['bytes after the counter', { trailing: Buffer.of(0) }, 'E_WEBAUTHN_AUTH_DATA'],
  ['the counter as before', { counter: 5 }, 'E_WEBAUTHN_COUNTER'],
  ['a counter back to zero', { counter: 0 }, 'E_WEBAUTHN_COUNTER'],
];

for (const [name, changes, code] of faults) {
  test(`${name}: ${code}`, () => {
    assert.equal(codeOf([approve(leo, changes), approve(mira)]), code);
  });
}

test('a passkey that does not count stays at zero', () => {
  const synced = person('leo', 'p256', { signCount: 0 });
  const credentials = [synced.credential, mira.credential];
  assert.equal(codeOf([approve(synced, { counter: 0 }), approve(mira)], { credentials }), 'OK');
});

test('authenticator data that is too short is refused, not read past its end', () => {
  const cut = { ...approve(leo), authenticatorData: Buffer.alloc(36).toString('base64url') };
  assert.equal(codeOf([cut, approve(mira)]), 'E_WEBAUTHN_AUTH_DATA');
});

test('a signature by another key, an altered one and padded base64 are refused', () => {
  const evidence = approve(leo);
  const stranger = approve({ ...leo, privateKey: mira.privateKey });
  assert.equal(
    codeOf([{ ...evidence, signature: stranger.signature }, approve(mira)]),
    'E_WEBAUTHN_SIG',
  );
  assert.equal(codeOf([{ ...evidence, signature: '' }, approve(mira)]), 'E_WEBAUTHN_SIG');
  assert.equal(
    codeOf([{ ...evidence, signature: `${evidence.signature}=` }, approve(mira)]),
    'E_BASE64',
  );
  assert.equal(
    codeOf([{ ...evidence, statement: `${evidence.statement}\n` }, approve(mira)]),
    'E_BASE64',
  );
});

test('an enrolled key that is neither P-256 nor Ed25519 is refused', () => {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' });
  for (const publicKeyPem of [
    publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    'no key',
  ]) {
    const credentials = [{ ...leo.credential, publicKeyPem }, mira.credential];
    assert.equal(codeOf([approve(leo), approve(mira)], { credentials }), 'E_WEBAUTHN_KEY');
  }
});

test('people count, not passkeys and not signatures', () => {
  const secondOfLeo = person('leo', 'p256', { id: 'cred-leo-2' });
  const credentials = [leo.credential, secondOfLeo.credential, mira.credential];
  assert.equal(codeOf([approve(leo), approve(secondOfLeo)], { credentials }), 'E_APPROVAL_DUP');
  assert.equal(codeOf([approve(leo), approve(leo)]), 'E_APPROVAL_DUP');
});

test('requester, author, missing role, unknown and revoked passkeys never count', () => {
  const both = [approve(leo), approve(mira)];
  assert.equal(codeOf(both, { requester: 'leo' }), 'E_APPROVAL_SELF');
  assert.equal(codeOf(both, { authors: ['mira'] }), 'E_APPROVAL_AUTHOR');
  assert.equal(codeOf(both, { rules: [{ role: 'platform', count: 2 }] }), 'E_APPROVAL_ROLE');
  assert.equal(codeOf(both, { credentials: [mira.credential] }), 'E_APPROVAL_CRED_UNKNOWN');
  assert.equal(
    codeOf(both, { credentials: [leo.credential, leo.credential, mira.credential] }),
    'E_APPROVAL_CRED_UNKNOWN',
  );
  const revoked = { ...leo.credential, revokedAt: now };
  assert.equal(
    codeOf(both, { credentials: [revoked, mira.credential] }),
    'E_APPROVAL_CRED_REVOKED',
  );
  const claimed = approve({ ...leo, name: 'mira' });
  assert.equal(codeOf([claimed, approve(mira)]), 'E_APPROVAL_IDENTITY');
  assert.equal(codeOf(both, { usedNonces: new Set(['nonce-mira']) }), 'E_APPROVAL_NONCE');
});

test('a threshold that is not met, or that asks for nobody, is not satisfied', () => {
  assert.equal(codeOf([approve(leo)]), 'E_APPROVAL_THRESHOLD');
  assert.equal(codeOf([]), 'E_APPROVAL_THRESHOLD');
  assert.equal(codeOf([], { rules: [] }), 'E_APPROVAL_THRESHOLD');
  assert.equal(
    codeOf([approve(leo), approve(mira)], {
      rules: [{ role: 'release-manager', count: Number.NaN }],
    }),
    'E_APPROVAL_THRESHOLD',
  );
});

test('a bad approval is shown with its reason and does not veto the good ones', () => {
  const stranger = person('eve');
  const judged = judgeApprovals(
    input([
      approve(stranger),
      approve(leo),
      approve(leo),
      approve(leo, { flags: 1 }),
      approve(mira),
    ]),
  );
  assert.equal(judged.satisfied, true);
  assert.deepEqual(
    judged.counting.map((one) => one.approver),
    ['leo', 'mira'],
  );
  assert.deepEqual(
    judged.discounted.map(({ approver, code }) => [approver, code]),
    [
      [null, 'E_APPROVAL_CRED_UNKNOWN'],
      ['leo', 'E_APPROVAL_DUP'],
      ['leo', 'E_WEBAUTHN_UV'],
    ],
  );
  assert.deepEqual([judged.have, judged.need], [2, 2]);
});

test('a discounted approval does not use up its person', () => {
  const judged = judgeApprovals(input([approve(leo, { flags: 1 }), approve(leo), approve(mira)]));
  assert.equal(judged.satisfied, true);
});

test('more approvals than are ever judged do not count', () => {
  const many = Array.from({ length: 64 }, () => approve(leo));
  assert.equal(judgeApprovals(input([...many, approve(mira)])).satisfied, false);
});

test('every code has a meaning and a mend of a full sentence', () => {
  for (const { meaning, mend } of Object.values(approvalCodes)) {
    for (const text of [meaning, mend]) assert.match(text, /^[A-Z].{9,}\.$/);
  }
});
