/**
 * OpenSSH certificates in their wire form (PROTOCOL.certkeys of OpenSSH): strings with a four-byte length, numbers big-endian,
 * signed by the authority's key over everything before the signature.
 */
import { type KeyObject, randomBytes, sign } from 'node:crypto';

/** An SSH public key: the algorithm's name and what follows it on the wire. */
export type SshPublicKey = { type: string; fields: Buffer; blob: Buffer };

export type CertificateContent = {
  serial: bigint;
  keyId: string;
  principals: readonly string[];
  /** Unix seconds. */
  validAfter: number;
  validBefore: number;
  extensions: Readonly<Record<string, string>>;
};

/** Null when it is not the text of an SSH public key (`type base64 comment`). */
export function parsePublicKey(text: string): SshPublicKey | null {
  const [type = '', encoded = ''] = text.trim().split(/\s+/);
  const blob = Buffer.from(encoded, 'base64');
  if (!/^(?:ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521))$/.test(type)) return null;
  if (
    blob.length < 4 + type.length + 4 ||
    !blob.subarray(0, 4 + type.length).equals(string(type))
  ) {
    return null;
  }
  return { type, fields: blob.subarray(4 + type.length), blob };
}

/** `ssh-ed25519 AAAA…` of a node key, without comment. */
export function formatPublicKey(key: KeyObject): string {
  const { type, blob } = wirePublicKey(key);
  return `${type} ${blob.toString('base64')}`;
}

/** A user certificate as one line, as `ssh-keygen -L` reads it. */
export function signUserCertificate(
  authority: { publicKey: KeyObject; privateKey: KeyObject },
  subject: SshPublicKey,
  content: CertificateContent,
): string {
  const type = `${subject.type}-cert-v01@openssh.com`;
  const extensions = Object.entries(content.extensions)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, value]) => [string(name), string(value === '' ? '' : string(value))]);
  const body = Buffer.concat([
    string(type),
    string(randomBytes(32)),
    subject.fields,
    uint64(content.serial),
    uint32(userCertificate),
    string(content.keyId),
    string(Buffer.concat(content.principals.map((name) => string(name)))),
    uint64(BigInt(content.validAfter)),
    uint64(BigInt(content.validBefore)),
    string(''),
    string(Buffer.concat(extensions)),
    string(''),
    string(wirePublicKey(authority.publicKey).blob),
  ]);
  const isRsa = authority.privateKey.asymmetricKeyType === 'rsa';
  const signature = Buffer.concat([
    string(isRsa ? 'rsa-sha2-256' : 'ssh-ed25519'),
    string(sign(isRsa ? 'sha256' : null, body, authority.privateKey)),
  ]);
  return `${type} ${Buffer.concat([body, string(signature)]).toString('base64')}`;
}

const userCertificate = 1;

function wirePublicKey(key: KeyObject): { type: string; blob: Buffer } {
  const { n = '', e = '', x = '' } = key.export({ format: 'jwk' });
  const isRsa = key.asymmetricKeyType === 'rsa';
  const type = isRsa ? 'ssh-rsa' : 'ssh-ed25519';
  const fields = isRsa ? [mpint(e), mpint(n)] : [string(Buffer.from(x, 'base64url'))];
  return { type, blob: Buffer.concat([string(type), ...fields]) };
}

function string(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([uint32(bytes.length), bytes]);
}

/** A positive number from base64url; a leading zero keeps its sign bit clear. */
function mpint(value: string): Buffer {
  const bytes = Buffer.from(value, 'base64url');
  return string((bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.alloc(1), bytes]) : bytes);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function uint64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
}
