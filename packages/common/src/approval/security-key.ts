/**
 * Security keys of OpenSSH (`ssh-keygen -t ed25519-sk` and `ecdsa-sk`): FIDO authenticators that sign for `ssh-keygen -Y sign`
 * as passkeys sign for a browser, without a browser. Read here from the armoured signature alone.
 *
 * @see OpenSSH PROTOCOL.u2f, "SSH U2F signatures"; PROTOCOL.sshsig
 */
import { Buffer } from 'node:buffer';
import { createHash, verify, type KeyObject } from 'node:crypto';
import { securityKeyApplication } from '../constants.ts';
import { decodeBase64 } from '../encoding/base64.ts';
import { EncodingError } from '../encoding/encoding-error.ts';
import {
  ed25519KeyOf,
  fieldsOrNull,
  fingerprintOf,
  p256KeyOf,
  p256SignatureIsValid,
  parseSshSignature,
  signedBytesOf,
  SshError,
  type SshSignature,
} from '../trust/ssh-signature.ts';
import { ApprovalError } from './approval-codes.ts';
import { checkCounter } from './webauthn.ts';

const algorithms = {
  'sk-ssh-ed25519@openssh.com': 'ed25519',
  'sk-ecdsa-sha2-nistp256@openssh.com': 'p256',
} as const;
type Algorithm = keyof typeof algorithms;

export type SecurityKey = {
  /** As `ssh-keygen -l` prints it; covers algorithm, key and application. */
  readonly fingerprint: string;
  readonly alg: Algorithm;
  /** The key in SSH's own encoding. */
  readonly blob: Buffer;
  readonly publicKeyPem: string;
  readonly key: KeyObject;
};

/**
 * A line of a `.pub` file: algorithm, base64, and a comment that is not looked at.
 *
 * @throws SshError `ssh-key-refused` for anything but a security key, also for a key in a file: nobody has to touch that.
 */
export function parseSecurityKey(line: string): SecurityKey {
  const [name = '', base64] = line.trim().split(' ');
  if (!isAlgorithm(name) || base64 === undefined) {
    throw new SshError(
      'ssh-key-refused',
      `${JSON.stringify(name.slice(0, 40))} is no security key: whoever reads a key file could approve. Make one on a hardware key: ssh-keygen -t ed25519-sk -O verify-required`,
    );
  }
  try {
    const key = readSecurityKey(decodeBase64(base64));
    if (key.alg === name) return key;
  } catch (cause) {
    if (!(cause instanceof EncodingError)) throw cause;
    throw new SshError('ssh-key-refused', `the key is not base64: ${cause.message}`, { cause });
  }
  throw new SshError('ssh-key-refused', `the line says ${name}, its key says otherwise`);
}

function readSecurityKey(blob: Buffer): SecurityKey {
  const [name, ...fields] = fieldsOrNull(blob) ?? [];
  const alg = name?.toString('latin1') ?? '';
  if (!isAlgorithm(alg)) {
    throw new SshError('ssh-key-refused', 'the key is not that of a security key');
  }
  const isEd25519 = algorithms[alg] === 'ed25519';
  const application = fields.pop();
  const [first, second] = fields;
  if (fields.length !== (isEd25519 ? 1 : 2)) {
    throw new SshError('ssh-key-refused', 'a security key has its point and its application');
  }
  const key = isEd25519 ? ed25519KeyOf(first) : p256KeyOf(first, second);
  if (application?.toString('latin1') !== securityKeyApplication) {
    throw new SshError(
      'ssh-key-refused',
      `the application ${securityKeyApplication} expected, as ssh-keygen sets it by default; make the key without -O application`,
    );
  }
  const publicKeyPem = key.export({ type: 'spki', format: 'pem' }).toString();
  return { fingerprint: fingerprintOf(blob), alg, blob, publicKeyPem, key };
}

const isAlgorithm = (name: string): name is Algorithm => Object.hasOwn(algorithms, name);

/** Fingerprint of the key that an armoured signature says made it; nothing is verified. @throws ApprovalError `E_SSH_SIGNATURE` */
export function signingKeyOf(armoured: string): string {
  return fingerprintOf(read(armoured).keyBlob);
}

/**
 * Checks that the enrolled key made this signature over exactly these bytes, touched by somebody who gave its PIN or finger.
 *
 * @param expected.signCount the counter before this signature: at a later check the one as of then.
 * @returns the counter to store.
 * @throws ApprovalError `E_SSH_SIGNATURE` and, as for a passkey, `E_WEBAUTHN_KEY`, `_UP`, `_UV`, `_FLAGS`, `_COUNTER`, `_SIG`.
 */
export function verifySecurityKey(
  armoured: string,
  message: Uint8Array,
  expected: {
    readonly fingerprint: string;
    readonly publicKeyPem: string;
    readonly namespace: string;
    readonly signCount: number;
  },
): { signCount: number } {
  const given = read(armoured);
  if (given.namespace !== expected.namespace) {
    throw new ApprovalError(
      'E_SSH_SIGNATURE',
      `namespace ${expected.namespace} expected, found ${JSON.stringify(given.namespace.slice(0, 40))}`,
    );
  }
  const key = enrolledKey(given);
  if (key.fingerprint !== expected.fingerprint || key.publicKeyPem !== expected.publicKeyPem) {
    throw new ApprovalError('E_WEBAUTHN_KEY', `signed by another key, ${key.fingerprint}`);
  }
  const { raw, flags, counter } = readSignature(given.signature, key.alg);
  checkFlags(flags);
  checkCounter(counter, expected.signCount);
  const state = Buffer.alloc(5);
  state.writeUInt8(flags, 0);
  state.writeUInt32BE(counter, 1);
  const signed = Buffer.concat([
    createHash('sha256').update(securityKeyApplication).digest(),
    state,
    createHash('sha256').update(signedBytesOf(given, message)).digest(),
  ]);
  const isValid =
    algorithms[key.alg] === 'ed25519'
      ? raw.length === 64 && verify(null, signed, key.key, raw)
      : p256SignatureIsValid(key.key, signed, raw);
  if (!isValid) {
    throw new ApprovalError(
      'E_WEBAUTHN_SIG',
      'the signature does not verify with the enrolled key',
    );
  }
  return { signCount: counter };
}

function read(armoured: string): SshSignature {
  try {
    return parseSshSignature(armoured);
  } catch (cause) {
    if (!(cause instanceof SshError)) throw cause;
    throw new ApprovalError('E_SSH_SIGNATURE', cause.message, { cause });
  }
}

function enrolledKey({ keyBlob }: SshSignature): SecurityKey {
  try {
    return readSecurityKey(keyBlob);
  } catch (cause) {
    if (!(cause instanceof SshError)) throw cause;
    throw new ApprovalError('E_WEBAUTHN_KEY', cause.message, { cause });
  }
}

/** Algorithm, signature, then one byte of flags and four of the counter, to the very end. */
function readSignature(
  bytes: Buffer,
  alg: Algorithm,
): { raw: Buffer; flags: number; counter: number } {
  const [name, raw, ...more] = fieldsOrNull(bytes.subarray(0, -5)) ?? [];
  if (name?.toString('latin1') !== alg || raw === undefined || more.length > 0) {
    throw new ApprovalError('E_SSH_SIGNATURE', `a signature, flags and counter of ${alg} expected`);
  }
  const state = bytes.subarray(-5);
  return { raw, flags: state.readUInt8(0), counter: state.readUInt32BE(1) };
}

const present = 0x01;
const verified = 0x04;

function checkFlags(flags: number): void {
  if ((flags & present) === 0) {
    throw new ApprovalError('E_WEBAUTHN_UP', 'nobody touched the key');
  }
  if ((flags & verified) === 0) {
    throw new ApprovalError(
      'E_WEBAUTHN_UV',
      'the key did not ask for PIN or finger; make it with -O verify-required',
    );
  }
  // Also a key that may be copied to another device (backup eligible) is none of hardware alone.
  if ((flags & ~(present | verified)) !== 0) {
    throw new ApprovalError('E_WEBAUTHN_FLAGS', `flags 0x${flags.toString(16)} were not asked for`);
  }
}
