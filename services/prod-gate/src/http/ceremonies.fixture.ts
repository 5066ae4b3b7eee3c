/** What people do to enrol a passkey or a security key, and to approve with it. */
import assert from 'node:assert/strict';
import {
  createSoftwarePasskey,
  type AssertionOverrides,
  type SoftwarePasskey,
} from '@airlock/cli/software-passkey';
import {
  createSoftwareSecurityKey,
  type SecurityKeySignature,
  type SoftwareSecurityKey,
} from '@airlock/cli/software-security-key';
import type { BrowserAnswer } from '@airlock/testkit/browser';
import { origin, promotionId, sequence, type Visitor, signedIn, json } from './gate-web.fixture.ts';

export interface Ceremony {
  options: { challenge: string; allowCredentials: { id: string }[] };
  nonce: string;
  statement: string;
  promotionDigest: string;
}

export async function enrol(visitor: Visitor): Promise<SoftwarePasskey> {
  const begun = json(await visitor.post('/api/v1/me/passkeys/options', {})) as {
    challenge: string;
  };
  const passkey = createSoftwarePasskey({ rpId: 'gate.localhost', origin });
  const answer = passkey.register(begun.challenge);
  const done = await visitor.post('/api/v1/me/passkeys', {
    ...begun,
    label: 'a key',
    answer,
    ...only,
  });
  assert.equal(done.status, 201, done.body);
  await sequence();
  return passkey;
}
/** The options came along in `begun`; the server takes what it asks for and nothing else. */
export const only = { options: undefined, needsVouch: undefined };

export const decisions = (id = promotionId): string => `/api/v1/promotions/${id}/decisions`;

export async function begin(visitor: Visitor, id = promotionId): Promise<Ceremony> {
  const answer = await visitor.post(`${decisions(id)}/options`, {});
  assert.equal(answer.status, 200, answer.body);
  // The server's own form, which the assertions below look into.
  return json(answer) as unknown as Ceremony;
}

export async function approve(
  visitor: Visitor,
  passkey: SoftwarePasskey,
  overrides: AssertionOverrides = {},
): Promise<BrowserAnswer> {
  const { options, nonce } = await begin(visitor);
  const answer = passkey.assert(options.challenge, overrides);
  return visitor.post(decisions(), { nonce, note: 'looked at it', answer });
}

export async function approvedBy(
  id: string,
): Promise<{ visitor: Visitor; passkey: SoftwarePasskey }> {
  const visitor = await signedIn(id);
  const passkey = await enrol(visitor);
  const answer = await approve(visitor, passkey);
  assert.equal(answer.status, 201, answer.body);
  await sequence();
  return { visitor, passkey };
}

export async function have(): Promise<number> {
  const view = json(await (await signedIn('mira')).get(`/api/v1/promotions/${promotionId}`));
  return (view['approvals'] as { have: number }).have;
}

export const enrolmentPath = '/api/v1/me/security-keys';
export const decideBySsh = () => `${decisions()}/ssh`;

export async function enrolling(
  visitor: Visitor,
  key: SoftwareSecurityKey,
  changes: Partial<SecurityKeySignature> & { publicKey?: string } = {},
): Promise<BrowserAnswer> {
  const begun = json(await visitor.post(`${enrolmentPath}/options`, {})) as {
    challenge: string;
    text: string;
  };
  const { publicKey = key.publicKey, ...signing } = changes;
  const message = Buffer.from(begun.text);
  return visitor.post(enrolmentPath, {
    challenge: begun.challenge,
    label: 'a key on my ring',
    publicKey,
    signature: key.sign({ namespace: 'airlock-enrolment@v1', message, ...signing }),
  });
}

export async function holder(id: string): Promise<{ visitor: Visitor; key: SoftwareSecurityKey }> {
  const visitor = await signedIn(id);
  const key = createSoftwareSecurityKey();
  const answer = await enrolling(visitor, key);
  assert.equal(answer.status, 201, answer.body);
  await sequence();
  return { visitor, key };
}

export async function approveBySsh(
  visitor: Visitor,
  key: SoftwareSecurityKey,
  changes: Partial<SecurityKeySignature> = {},
): Promise<BrowserAnswer> {
  const { nonce, statement } = await begin(visitor);
  const message = Buffer.from(statement);
  const signature = key.sign({ namespace: 'airlock-approval@v1', message, ...changes });
  return visitor.post(decideBySsh(), { nonce, note: '', signature });
}
