/**
 * A passkey in software, for the demo and for tests: real ES256 signatures, no hardware and no person behind them.
 *
 * The gate cannot tell it from an authenticator (attestation is `none`), which is why the command line refuses to use one
 * outside the demo, and why a target that needs certainty asks for attested hardware.
 *
 * @see W3C WebAuthn Level 3, sections 6.1 (authenticator data) and 6.5.4 (attestation object)
 */
import {
  createHash,
  createPrivateKey,
  generateKeyPairSync,
  randomBytes,
  sign,
  type KeyObject,
} from 'node:crypto';
import { z } from 'zod';

const Stored = z.strictObject({
  credentialId: z.string(),
  privateKeyPem: z.string(),
  rpId: z.string(),
  origin: z.string(),
  counter: z.number().int().nonnegative(),
});

export interface RegistrationAnswer {
  readonly id: string;
  readonly rawId: string;
  readonly type: 'public-key';
  readonly clientExtensionResults: Record<string, never>;
  readonly response: {
    readonly clientDataJSON: string;
    readonly attestationObject: string;
    readonly transports: string[];
  };
}

export interface AssertionAnswer {
  readonly id: string;
  readonly rawId: string;
  readonly type: 'public-key';
  readonly clientExtensionResults: Record<string, never>;
  readonly response: {
    readonly clientDataJSON: string;
    readonly authenticatorData: string;
    readonly signature: string;
  };
}

export interface SoftwarePasskey {
  readonly credentialId: string;
  /** @param challenge base64url, as the options of the ceremony carry it. */
  register(challenge: string): RegistrationAnswer;
  assert(challenge: string, overrides?: AssertionOverrides): AssertionAnswer;
  /** JSON to keep in a 0600 file; includes the counter, so store it again after each use. */
  serialize(): string;
}

/** What a test changes to play a stolen, cloned or misused authenticator. */
export interface AssertionOverrides {
  readonly origin?: string;
  readonly userVerified?: boolean;
  readonly counter?: number;
}

const userPresent = 0x01;
const userVerified = 0x04;
const attestedCredentialData = 0x40;

export function createSoftwarePasskey(relyingParty: {
  readonly rpId: string;
  readonly origin: string;
}): SoftwarePasskey {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return open({
    ...relyingParty,
    credentialId: randomBytes(32).toString('base64url'),
    privateKey,
    counter: 0,
  });
}

/** @throws ZodError or SyntaxError when `text` is not what `serialize` gave. */
export function restoreSoftwarePasskey(text: string): SoftwarePasskey {
  const { privateKeyPem, ...rest } = Stored.parse(JSON.parse(text));
  return open({ ...rest, privateKey: createPrivateKey(privateKeyPem) });
}

interface State {
  readonly credentialId: string;
  readonly privateKey: KeyObject;
  readonly rpId: string;
  readonly origin: string;
  readonly counter: number;
}

function open(state: State): SoftwarePasskey {
  let counter = state.counter;
  const { credentialId, privateKey, rpId } = state;
  const clientData = (type: string, challenge: string, origin: string): Buffer =>
    Buffer.from(JSON.stringify({ type, challenge, origin, crossOrigin: false }));
  const authenticatorData = (
    flags: number,
    count: number,
    credential = Buffer.alloc(0),
  ): Buffer => {
    const head = Buffer.alloc(5);
    head.writeUInt8(flags, 0);
    head.writeUInt32BE(count, 1);
    return Buffer.concat([createHash('sha256').update(rpId).digest(), head, credential]);
  };
  return {
    credentialId,
    register(challenge) {
      const id = Buffer.from(credentialId, 'base64url');
      const length = Buffer.alloc(2);
      length.writeUInt16BE(id.length);
      counter += 1;
      // An all-zero AAGUID: this authenticator names no model.
      const credential = Buffer.concat([Buffer.alloc(16), length, id, coseKey(privateKey)]);
      const authData = authenticatorData(
        userPresent | userVerified | attestedCredentialData,
        counter,
        credential,
      );
      return {
        id: credentialId,
        rawId: credentialId,
        type: 'public-key',
        clientExtensionResults: {},
        response: {
          clientDataJSON: clientData('webauthn.create', challenge, state.origin).toString(
            'base64url',
          ),
          attestationObject: attestationObject(authData).toString('base64url'),
          transports: ['internal'],
        },
      };
    },
    assert(
      challenge,
      { origin = state.origin, userVerified: verified = true, counter: forced } = {},
    ) {
      counter = forced ?? counter + 1;
      const authData = authenticatorData(userPresent | (verified ? userVerified : 0), counter);
      const client = clientData('webauthn.get', challenge, origin);
      const signed = Buffer.concat([authData, createHash('sha256').update(client).digest()]);
      return {
        id: credentialId,
        rawId: credentialId,
        type: 'public-key',
        clientExtensionResults: {},
        response: {
          clientDataJSON: client.toString('base64url'),
          authenticatorData: authData.toString('base64url'),
          signature: sign('sha256', signed, privateKey).toString('base64url'),
        },
      };
    },
    serialize: () =>
      JSON.stringify({
        credentialId,
        privateKeyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }),
        rpId,
        origin: state.origin,
        counter,
      }),
  };
}

/** COSE_Key {1: 2 (EC2), 3: -7 (ES256), -1: 1 (P-256), -2: x, -3: y}; RFC 9053 section 7.1.1. */
function coseKey(privateKey: KeyObject): Buffer {
  const { x = '', y = '' } = privateKey.export({ format: 'jwk' });
  return Buffer.concat([
    Buffer.from('a5010203262001215820', 'hex'),
    Buffer.from(x, 'base64url'),
    Buffer.from('225820', 'hex'),
    Buffer.from(y, 'base64url'),
  ]);
}

/** CBOR map {"fmt": "none", "attStmt": {}, "authData": bytes}. */
function attestationObject(authData: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(authData.length);
  return Buffer.concat([
    Buffer.from('a3', 'hex'),
    Buffer.from('63', 'hex'),
    Buffer.from('fmt'),
    Buffer.from('64', 'hex'),
    Buffer.from('none'),
    Buffer.from('67', 'hex'),
    Buffer.from('attStmt'),
    Buffer.from('a0', 'hex'),
    Buffer.from('68', 'hex'),
    Buffer.from('authData'),
    Buffer.from('59', 'hex'),
    length,
    authData,
  ]);
}
