/**
 * SSH keys and SSHSIG signatures: what `ssh-keygen -Y verify` does, for the two algorithms that Airlock accepts. Read here and
 * not by ssh-keygen, because a few lengths and one verification are less to trust than a process and its configuration.
 *
 * @see OpenSSH PROTOCOL.sshsig; RFC 4253, section 6.6; RFC 5656, section 3.1; RFC 8709
 */
import { Buffer } from 'node:buffer';
import { createHash, createPublicKey, verify, type KeyObject } from 'node:crypto';
import { decodeBase64 } from '../encoding/base64.ts';
import { EncodingError } from '../encoding/encoding-error.ts';
import { AirlockError } from '../errors.ts';
import { importPublicKey, TrustError } from './signer.ts';

/** `ssh-key-refused`: not a key of an accepted algorithm. `ssh-signature-malformed`: not one well-formed SSHSIG. */
export class SshError extends AirlockError<'ssh-key-refused' | 'ssh-signature-malformed'> {}

export type SshPublicKey = {
  /** As `ssh-keygen -l` prints it: `SHA256:` and base64 without padding. */
  readonly fingerprint: string;
  readonly alg: 'ssh-ed25519' | 'ecdsa-sha2-nistp256';
  /** The key in SSH's own encoding: what signatures carry and fingerprints hash. */
  readonly blob: Buffer;
  readonly key: KeyObject;
};

export type SshSignature = {
  /** The key that the signature says made it, in SSH's own encoding. */
  readonly keyBlob: Buffer;
  readonly namespace: string;
  readonly hash: 'sha256' | 'sha512';
  readonly signature: Buffer;
};

/** A line of a `.pub` file: algorithm, base64, and a comment that is not looked at. @throws SshError `ssh-key-refused` */
export function parseSshPublicKey(line: string): SshPublicKey {
  const [name, base64] = line.split(' ');
  if (name === undefined || base64 === undefined) {
    throw new SshError('ssh-key-refused', 'expected a line such as "ssh-ed25519 AAAA…"');
  }
  try {
    const key = readPublicKey(decodeBase64(base64));
    if (key.alg === name) return key;
  } catch (cause) {
    if (!(cause instanceof EncodingError)) throw cause;
    throw new SshError('ssh-key-refused', `the key is not base64: ${cause.message}`, { cause });
  }
  throw new SshError('ssh-key-refused', `the line says ${name}, its key says otherwise`);
}

/** @throws SshError `ssh-key-refused` */
function readPublicKey(blob: Buffer): SshPublicKey {
  const refuse = (why: string): SshError => new SshError('ssh-key-refused', why);
  const fields = readFields(blob, refuse);
  const alg = fields[0]?.toString('latin1');
  const fingerprint = fingerprintOf(blob);
  if (alg === 'ssh-ed25519') {
    const [, point, ...more] = fields;
    if (more.length > 0) throw refuse('an Ed25519 key has one point');
    return { fingerprint, alg, blob, key: ed25519KeyOf(point) };
  }
  if (alg === 'ecdsa-sha2-nistp256') {
    const [, curve, point, ...more] = fields;
    if (more.length > 0) throw refuse('a P-256 key has one point');
    return { fingerprint, alg, blob, key: p256KeyOf(curve, point) };
  }
  throw refuse(
    'ssh-ed25519 and ecdsa-sha2-nistp256 are accepted; make one with ssh-keygen -t ed25519',
  );
}

/** @throws SshError `ssh-key-refused` */
export function ed25519KeyOf(point: Buffer | undefined): KeyObject {
  if (point?.length !== 32) throw new SshError('ssh-key-refused', 'an Ed25519 key has 32 bytes');
  return keyOf({ kty: 'OKP', crv: 'Ed25519', x: point.toString('base64url') });
}

/** @throws SshError `ssh-key-refused` */
export function p256KeyOf(curve: Buffer | undefined, point: Buffer | undefined): KeyObject {
  if (curve?.toString('latin1') !== 'nistp256' || point?.length !== 65 || point[0] !== 4) {
    throw new SshError('ssh-key-refused', 'a P-256 key has one uncompressed point of nistp256');
  }
  const [x, y] = [point.subarray(1, 33), point.subarray(33)].map((n) => n.toString('base64url'));
  return keyOf({ kty: 'EC', crv: 'P-256', x: x ?? '', y: y ?? '' });
}

function keyOf(jwk: Record<string, string>): KeyObject {
  try {
    const key = createPublicKey({ key: jwk, format: 'jwk' });
    // The one door for public keys also refuses those that anybody can sign for.
    return importPublicKey(key.export({ type: 'spki', format: 'pem' }).toString());
  } catch (cause) {
    if (cause instanceof TrustError) throw new SshError('ssh-key-refused', cause.message);
    throw new SshError('ssh-key-refused', 'the key is no point of its curve');
  }
}

export function fingerprintOf(keyBlob: Uint8Array): string {
  const digest = createHash('sha256').update(keyBlob).digest('base64');
  return `SHA256:${digest.replace(/=+$/, '')}`;
}

const armour =
  /^-----BEGIN SSH SIGNATURE-----\n([A-Za-z0-9+/=\n]+)\n-----END SSH SIGNATURE-----\n?$/;
const maxArmouredBytes = 16 * 1024;

/** Reads the armoured form; nothing is verified. @throws SshError `ssh-signature-malformed` */
export function parseSshSignature(armoured: string): SshSignature {
  const refuse = (why: string): SshError => new SshError('ssh-signature-malformed', why);
  const base64 = armoured.length > maxArmouredBytes ? undefined : armour.exec(armoured)?.[1];
  if (base64 === undefined) throw refuse('one block BEGIN SSH SIGNATURE expected');
  let bytes: Buffer;
  try {
    bytes = decodeBase64(base64.replaceAll('\n', ''));
  } catch (cause) {
    if (!(cause instanceof EncodingError)) throw cause;
    throw refuse(cause.message);
  }
  if (bytes.subarray(0, 6).toString('latin1') !== 'SSHSIG' || bytes.length < 10) {
    throw refuse('no SSHSIG');
  }
  if (bytes.readUInt32BE(6) !== 1) throw refuse('another version of SSHSIG than 1');
  const [keyBlob, namespace, reserved, hash, signature, ...more] = readFields(
    bytes.subarray(10),
    refuse,
  );
  if (
    keyBlob === undefined ||
    namespace === undefined ||
    reserved === undefined ||
    hash === undefined ||
    signature === undefined ||
    more.length > 0
  ) {
    throw refuse('key, namespace, reserved, hash and signature expected');
  }
  const named = hash.toString('latin1');
  if (named !== 'sha256' && named !== 'sha512') throw refuse('another hash than sha256 or sha512');
  if (reserved.length > 0) throw refuse('something in the reserved field');
  return { keyBlob, namespace: namespace.toString('latin1'), hash: named, signature };
}

/** True when `key` made this signature over exactly these bytes in this namespace. */
export function sshSignatureIsValid(
  given: SshSignature,
  key: SshPublicKey,
  namespace: string,
  message: Uint8Array,
): boolean {
  if (given.namespace !== namespace || !given.keyBlob.equals(key.blob)) return false;
  const signed = signedBytesOf(given, message);
  const parts = fieldsOrNull(given.signature);
  if (parts?.length !== 2 || parts[0]?.toString('latin1') !== key.alg) return false;
  const [, raw] = parts;
  if (raw === undefined) return false;
  if (key.alg === 'ssh-ed25519') return raw.length === 64 && verify(null, signed, key.key, raw);
  return p256SignatureIsValid(key.key, signed, raw);
}

/** What the key signs in the place of `message` (PROTOCOL.sshsig, section 3). */
export function signedBytesOf(
  { namespace, hash }: Pick<SshSignature, 'namespace' | 'hash'>,
  message: Uint8Array,
): Buffer {
  return Buffer.concat([
    Buffer.from('SSHSIG'),
    field(Buffer.from(namespace, 'latin1')),
    field(Buffer.alloc(0)),
    field(Buffer.from(hash)),
    field(createHash(hash).update(message).digest()),
  ]);
}

/** @param raw the two numbers, as mpints. */
export function p256SignatureIsValid(key: KeyObject, signed: Buffer, raw: Buffer): boolean {
  const numbers = fieldsOrNull(raw)?.map(scalarOf);
  const [r, s] = numbers ?? [];
  if (numbers?.length !== 2 || !r || !s) return false;
  const signature = Buffer.concat([r, s]);
  return verify('sha256', signed, { key, dsaEncoding: 'ieee-p1363' }, signature);
}

/** A positive mpint in its one shortest form, as 32 bytes; null for anything else. */
function scalarOf(mpint: Buffer): Buffer | null {
  const [first, second] = mpint;
  if (first === undefined || first > 0x7f) return null;
  const isPadded = first === 0;
  if (isPadded && (second === undefined || second < 0x80)) return null;
  const digits = isPadded ? mpint.subarray(1) : mpint;
  return digits.length > 32 ? null : Buffer.concat([Buffer.alloc(32 - digits.length), digits]);
}

function field(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** Length-prefixed fields to the very end of the bytes; null for anything else. */
export function fieldsOrNull(bytes: Buffer): Buffer[] | null {
  const fields: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    if (bytes.length - at < 4) return null;
    const length = bytes.readUInt32BE(at);
    if (length > bytes.length - at - 4) return null;
    fields.push(bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return fields;
}

/** Length-prefixed fields to the very end of the bytes. */
function readFields(bytes: Buffer, refuse: (why: string) => SshError): Buffer[] {
  const fields = fieldsOrNull(bytes);
  if (fields === null) throw refuse('a length that goes beyond the end');
  return fields;
}
