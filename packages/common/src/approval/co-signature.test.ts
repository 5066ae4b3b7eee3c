import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { test } from 'node:test';
import { Roster } from '../policy/target-policy.ts';
import { statementBytes } from '../intoto/statement.ts';
import { enrolmentDigest } from './count-approvals.ts';
import {
  coSignatureStatement,
  countCoSignatures,
  parseCoSignature,
  type CoSignatureQuestion,
  type CoSigned,
} from './co-signature.ts';
import { liftMatter, reviewMatter } from './lift.ts';
import { approvalChallenge, approvalStatement, parseApprovalStatement } from './statement.ts';

const gate = 'https://gate.example';
const rpId = 'gate.example';
const digest = 'd'.repeat(64);
const at = new Date('2026-11-22T10:00:00Z');
const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const passkey = {
  ...{ person: 'mira', credentialId: 'key', rpId, origin: gate },
  ...{ countsFrom: null, revokedAt: null },
  publicKeyPem: pair.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
};
const person = (id: string, roles: string[], passkeys?: string[]) => ({
  ...{ id, name: id, nameId: `${id}@idp.example`, roles, gitEmails: [] },
  ...(passkeys === undefined ? {} : { passkeys }),
});
const roster = Roster.parse({ version: 1, people: [person('mira', ['security'])] });
const said: CoSigned = {
  ...{ digest, id: 'dlv_0000000001', person: 'mira', nonce: 'n' },
  notAfter: '2026-11-22T10:00:01Z',
};

function signed(statement: Buffer) {
  const authenticatorData = Buffer.concat([
    createHash('sha256').update(rpId).digest(),
    Buffer.from([0x05, 0, 0, 0, 1]),
  ]);
  const clientData = Buffer.from(
    JSON.stringify({
      ...{ type: 'webauthn.get', challenge: approvalChallenge(statement).toString('base64url') },
      ...{ origin: gate, crossOrigin: false },
    }),
  );
  const bytes = Buffer.concat([
    authenticatorData,
    createHash('sha256').update(clientData).digest(),
  ]);
  return {
    ...{ statement, credentialId: 'key', signCountBefore: 0 },
    answer: {
      authenticatorData: authenticatorData.toString('base64url'),
      clientDataJSON: clientData.toString('base64url'),
      signature: sign('sha256', bytes, pair.privateKey).toString('base64url'),
    },
  };
}

const genuine = signed(coSignatureStatement(reviewMatter, said));
const question: CoSignatureQuestion = {
  ...{ matter: reviewMatter, of: { id: said.id, digest }, roles: ['security'], never: [] },
  ...{ gate, roster, signatures: [genuine], passkeys: [passkey], at },
};
const count = (changes: Partial<CoSignatureQuestion> = {}) => {
  const { people, discounted } = countCoSignatures({ ...question, ...changes });
  return [...people, ...discounted.map(({ code }) => code)];
};
const saying = (changes: Partial<CoSigned>) => ({
  signatures: [signed(coSignatureStatement(reviewMatter, { ...said, ...changes }))],
});

test('whoever signed counts once, however often', () => {
  assert.deepEqual(count(), ['mira']);
  assert.deepEqual(count({ signatures: [genuine, genuine] }), ['mira']);
});

const refusals: readonly (readonly [string, Partial<CoSignatureQuestion>, string])[] = [
  ['of another id', saying({ id: 'dlv_0000000002' }), 'E_APPROVAL_DIGEST'],
  ['of another digest', saying({ digest: 'e'.repeat(64) }), 'E_APPROVAL_DIGEST'],
  ['whose time is over', { at: new Date('2026-11-22T10:00:01Z') }, 'E_APPROVAL_EXPIRED'],
  ['by a passkey that is not enrolled', { passkeys: [] }, 'E_APPROVAL_CRED_UNKNOWN'],
  ['in the name of somebody else', saying({ person: 'leo' }), 'E_APPROVAL_IDENTITY'],
  [
    'by a passkey that is revoked now',
    { passkeys: [{ ...passkey, revokedAt: at }] },
    'E_APPROVAL_CRED_REVOKED',
  ],
  [
    'by a passkey of another origin',
    { passkeys: [{ ...passkey, origin: 'https://nonprod.example' }] },
    'E_APPROVAL_CRED_UNKNOWN',
  ],
  [
    'by a passkey that the roster does not list',
    { roster: Roster.parse({ version: 1, people: [person('mira', ['security'], [])] }) },
    'E_APPROVAL_CRED_UNKNOWN',
  ],
  [
    'by a passkey in its first day, where the roster lists passkeys',
    {
      passkeys: [{ ...passkey, countsFrom: new Date(at.getTime() + 1) }],
      roster: Roster.parse({
        version: 1,
        people: [person('mira', ['security'], [enrolmentDigest(passkey)])],
      }),
    },
    'E_APPROVAL_CRED_WAITS',
  ],
  ['by somebody without the role', { roles: ['platform'] }, 'E_APPROVAL_ROLE'],
  ['by somebody whom it is about', { never: ['mira'] }, 'E_APPROVAL_SELF'],
  [
    'that was changed afterwards',
    {
      signatures: [
        { ...genuine, statement: coSignatureStatement(reviewMatter, { ...said, nonce: 'm' }) },
      ],
    },
    'E_WEBAUTHN_CHALLENGE',
  ],
  [
    'that is a lift of a stop',
    { signatures: [signed(coSignatureStatement(liftMatter, said))] },
    'E_PREDICATE_TYPE',
  ],
];

for (const [what, changes, code] of refusals) {
  test(`a signature ${what} does not count`, () => {
    assert.deepEqual(count(changes), [code]);
  });
}

test('a passkey counts from the moment that its first day is over, and at once where no roster lists any', () => {
  const listing = Roster.parse({
    version: 1,
    people: [person('mira', ['security'], [enrolmentDigest(passkey)])],
  });
  assert.deepEqual(count({ passkeys: [{ ...passkey, countsFrom: at }], roster: listing }), [
    'mira',
  ]);
  const countsFrom = new Date(at.getTime() + 1);
  assert.deepEqual(count({ passkeys: [{ ...passkey, countsFrom }] }), ['mira']);
});

test('a passkey that is revoked later counts until then', () => {
  const revokedAt = new Date(at.getTime() + 1);
  assert.deepEqual(count({ passkeys: [{ ...passkey, revokedAt }] }), ['mira']);
});

test('what is signed for one thing is nothing else', () => {
  const code = (read: () => unknown): unknown => {
    try {
      return read();
    } catch (error) {
      return error instanceof Error && 'code' in error ? error.code : error;
    }
  };
  const review = coSignatureStatement(reviewMatter, said);
  assert.equal(
    code(() => parseApprovalStatement(review)),
    'E_PREDICATE_TYPE',
  );
  const approval = approvalStatement({
    ...{ promotionDigest: digest, target: 'eu', approver: 'mira', decision: 'approve' },
    ...{ nonce: 'n', notAfter: said.notAfter },
  });
  assert.equal(
    code(() => parseCoSignature(reviewMatter, approval)),
    'E_PREDICATE_TYPE',
  );
  const other = (name: string, predicate: Record<string, string>): Buffer =>
    statementBytes({ name, sha256: digest }, reviewMatter.predicate, predicate);
  const { id, nonce, notAfter } = said;
  const whole = { delivery: id, person: 'mira', nonce, notAfter };
  assert.equal(
    code(() => parseCoSignature(reviewMatter, other('stop', whole))),
    'E_SUBJECT_NAME',
  );
  const less = { delivery: id, nonce, notAfter };
  for (const wrong of [less, { ...whole, more: '1' }, { ...whole, person: '' }]) {
    assert.equal(
      code(() => parseCoSignature(reviewMatter, other('delivery', wrong))),
      'E_APPROVAL',
    );
  }
  assert.deepEqual(parseCoSignature(reviewMatter, other('delivery', whole)), said);
});
