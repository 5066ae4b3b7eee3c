/** What browsers are handed for a passkey ceremony (W3C WebAuthn Level 3, sections 5.4 and 5.5, JSON forms). */
import type { ApprovalCeremony } from '../app/approve-promotion.ts';
import type { CoSignCeremony } from '../app/co-sign.ts';
import { ceremonyMinutes } from '../app/ceremony.ts';
import { type Enrolment } from '../app/enrol-passkey.ts';

export interface RelyingParty {
  readonly rpId: string;
  readonly origin: string;
}

const timeout = ceremonyMinutes * 60_000;
/** COSE algorithm −7: ES256, the one that everything here verifies. */
const es256 = -7;

export function registrationOptions(
  { rpId }: RelyingParty,
  begun: Awaited<ReturnType<Enrolment['begin']>>,
) {
  const { challenge, person, existing, needsVouch } = begun;
  return {
    options: {
      rp: { id: rpId, name: 'Airlock prod gate' },
      user: {
        id: Buffer.from(person.id, 'utf8').toString('base64url'),
        name: person.id,
        displayName: person.name,
      },
      challenge,
      pubKeyCredParams: [{ type: 'public-key', alg: es256 }],
      timeout,
      excludeCredentials: existing.map((id) => ({ type: 'public-key', id })),
      authenticatorSelection: { residentKey: 'discouraged', userVerification: 'required' },
      attestation: 'none',
    },
    ...{ challenge, needsVouch },
  };
}

/** What any of a person's passkeys is asked to sign with. */
export function requestOptions(
  { rpId }: RelyingParty,
  { challenge, credentialIds }: Pick<ApprovalCeremony, 'challenge' | 'credentialIds'>,
) {
  return {
    ...{ rpId, challenge, timeout, userVerification: 'required' },
    allowCredentials: credentialIds.map((id) => ({ type: 'public-key', id })),
  };
}

/** What a passkey in force signs for a further one. */
export function vouchOptions(relyingParty: RelyingParty, ceremony: CoSignCeremony) {
  const { nonce, statement } = ceremony;
  return { options: requestOptions(relyingParty, ceremony), nonce, statement };
}

export function approvalOptions(relyingParty: RelyingParty, ceremony: ApprovalCeremony) {
  const { nonce, statement, promotionDigest } = ceremony;
  return {
    options: requestOptions(relyingParty, ceremony),
    nonce,
    statement,
    promotionDigest,
  };
}
