/** Registration ceremonies, checked by @simplewebauthn/server; what is kept of them is a public key in our own form. */
import { createPublicKey } from 'node:crypto';
import {
  verifyRegistrationResponse,
  type RegistrationResponseJSON,
  type VerifiedRegistrationResponse,
} from '@simplewebauthn/server';
import { COSEALG, cose, decodeCredentialPublicKey } from '@simplewebauthn/server/helpers';
import { z } from 'zod';
import { DecisionError } from '../../app/decision-error.ts';
import type { RegistrationVerifier } from '../../app/enrol-passkey.ts';

const Base64Url = z
  .string()
  .min(1)
  .max(64 * 1024)
  .regex(/^[A-Za-z0-9_-]+$/);

const RegistrationAnswer = z.object({
  id: Base64Url.max(1368),
  rawId: Base64Url.max(1368),
  type: z.literal('public-key'),
  response: z.object({
    clientDataJSON: Base64Url,
    attestationObject: Base64Url,
  }),
});

/** What the browser must not have said, whatever else it says: a page in somebody's frame enrols nobody. */
const ClientData = z.looseObject({
  crossOrigin: z.literal(false).optional(),
  topOrigin: z.undefined().optional(),
});

export const verifyRegistration: RegistrationVerifier = async (answer, expected) => {
  const parsed = RegistrationAnswer.safeParse(answer);
  if (!parsed.success)
    throw refused('the browser’s answer does not have the form of a new passkey');
  const { response, ...rest } = parsed.data;
  assertOwnFrame(response.clientDataJSON);
  // Only the members that are checked are handed on; extensions are asked for nowhere.
  const whole: RegistrationResponseJSON = { ...rest, response, clientExtensionResults: {} };
  const verified = await verify(whole, expected);
  // The library throws for most faults and answers false for some; both are refusals.
  if (!verified.verified) throw refused('the authenticator’s statement does not hold');
  const { credential, fmt, userVerified } = verified.registrationInfo;
  if (fmt !== 'none') throw refused(`attestation none was asked for, found ${fmt}`);
  if (!userVerified) throw refused('the authenticator did not ask for PIN or biometrics');
  return {
    credentialId: credential.id,
    publicKeyPem: spkiOf(credential.publicKey),
    cosePublicKey: Buffer.from(credential.publicKey),
    signCount: credential.counter,
  };
};

async function verify(
  response: RegistrationResponseJSON,
  expected: { challenge: string; rpId: string; origin: string },
): Promise<VerifiedRegistrationResponse> {
  try {
    return await verifyRegistrationResponse({
      response,
      expectedChallenge: expected.challenge,
      expectedOrigin: expected.origin,
      expectedRPID: expected.rpId,
      requireUserPresence: true,
      requireUserVerification: true,
      supportedAlgorithmIDs: [COSEALG.ES256],
    });
  } catch (cause) {
    throw refused(cause instanceof Error ? cause.message : 'it cannot be read', cause);
  }
}

function assertOwnFrame(clientDataJSON: string): void {
  let clientData: unknown;
  try {
    clientData = JSON.parse(Buffer.from(clientDataJSON, 'base64url').toString('utf8'));
  } catch (cause) {
    throw refused('the client data is not JSON', cause);
  }
  if (!ClientData.safeParse(clientData).success) {
    throw refused('the passkey was made inside a frame of another site');
  }
}

/** The COSE key as SPKI, which every other verifier reads. @throws DecisionError when it is not a point on P-256. */
function spkiOf(coseKey: Uint8Array<ArrayBuffer>): string {
  const key = decodeCredentialPublicKey(coseKey);
  if (!cose.isCOSEPublicKeyEC2(key) || key.get(cose.COSEKEYS.crv) !== cose.COSECRV.P256) {
    throw refused('a P-256 key (ES256) is needed');
  }
  const x = key.get(cose.COSEKEYS.x);
  const y = key.get(cose.COSEKEYS.y);
  if (x === undefined || y === undefined) throw refused('the public key lacks a coordinate');
  try {
    return createPublicKey({
      key: {
        kty: 'EC',
        crv: 'P-256',
        x: Buffer.from(x).toString('base64url'),
        y: Buffer.from(y).toString('base64url'),
      },
      format: 'jwk',
    })
      .export({ type: 'spki', format: 'pem' })
      .toString();
  } catch (cause) {
    throw refused('the public key is not a point on P-256', cause);
  }
}

const refused = (why: string, cause?: unknown): DecisionError =>
  new DecisionError(
    'passkey-refused',
    `This passkey cannot be enrolled: ${why}. Nothing was kept; start again, or take another authenticator.`,
    { cause },
  );
