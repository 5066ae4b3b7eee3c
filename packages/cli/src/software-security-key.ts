/**
 * A security key of OpenSSH in software, for the demo and for tests: signatures that `ssh-keygen -Y verify` accepts, with no
 * hardware and no person behind them. Nobody can tell it from a real one by a signature, which is why the roster lists the
 * enrolments that count and the command line uses it in the demo alone.
 *
 * @see OpenSSH PROTOCOL.u2f and PROTOCOL.sshsig
 */
import {
  createHash,
  createPrivateKey,
  generateKeyPairSync,
  sign,
  type KeyObject,
} from 'node:crypto';
import { z } from 'zod';

const Stored = z.strictObject({
  kind: z.enum(['ed25519', 'ecdsa']),
  privateKeyPem: z.string(),
  counter: z.number().int().nonnegative(),
});

export interface SecurityKeySignature {
  /** What is signed for; ssh-keygen's -n. */
  readonly namespace: string;
  readonly message: Uint8Array;
  /** Default: touched and verified. */
  readonly flags?: number;
  /** Default: one more than before. */
  readonly counter?: number;
  /** Default `ssh:`. */
  readonly application?: string;
}

export interface SoftwareSecurityKey {
  /** The line of its `.pub` file. */
  readonly publicKey: string;
  /** The armoured signature, as `ssh-keygen -Y sign` writes it. */
  sign(request: SecurityKeySignature): string;
  /** JSON to keep in a 0600 file; includes the counter, so store it again after each use. */
  serialize(): string;
}

const touchedAndVerified = 0x05;

export function createSoftwareSecurityKey(
  kind: 'ed25519' | 'ecdsa' = 'ed25519',
): SoftwareSecurityKey {
  const { privateKey } =
    kind === 'ed25519'
      ? generateKeyPairSync('ed25519')
      : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return open(kind, privateKey, 0);
}

/** @throws ZodError or SyntaxError when `text` is not what `serialize` gave. */
export function restoreSoftwareSecurityKey(text: string): SoftwareSecurityKey {
  const { kind, privateKeyPem, counter } = Stored.parse(JSON.parse(text));
  return open(kind, createPrivateKey(privateKeyPem), counter);
}

function open(
  kind: 'ed25519' | 'ecdsa',
  privateKey: KeyObject,
  before: number,
): SoftwareSecurityKey {
  let counter = before;
  const name =
    kind === 'ed25519' ? 'sk-ssh-ed25519@openssh.com' : 'sk-ecdsa-sha2-nistp256@openssh.com';
  const blobFor = (application: string): Buffer =>
    Buffer.concat([field(name), ...pointOf(kind, privateKey), field(application)]);
  return {
    publicKey: `${name} ${blobFor('ssh:').toString('base64')} software`,
    sign({
      namespace,
      message,
      flags = touchedAndVerified,
      counter: forced,
      application = 'ssh:',
    }) {
      counter = forced ?? counter + 1;
      const state = Buffer.alloc(5);
      state.writeUInt8(flags, 0);
      state.writeUInt32BE(counter, 1);
      const head = [field(namespace), field(''), field('sha512')];
      const signed = Buffer.concat([
        Buffer.from('SSHSIG'),
        ...head,
        field(createHash('sha512').update(message).digest()),
      ]);
      const toSign = Buffer.concat([sha256(Buffer.from(application)), state, sha256(signed)]);
      const signature = Buffer.concat([field(name), field(rawOf(kind, privateKey, toSign)), state]);
      const version = Buffer.from([0, 0, 0, 1]);
      const whole = Buffer.concat([
        ...[Buffer.from('SSHSIG'), version, field(blobFor(application))],
        ...[...head, field(signature)],
      ]);
      const lines = whole.toString('base64').match(/.{1,70}/g) ?? [];
      return `-----BEGIN SSH SIGNATURE-----\n${lines.join('\n')}\n-----END SSH SIGNATURE-----\n`;
    },
    serialize: () =>
      JSON.stringify({
        kind,
        privateKeyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }),
        counter,
      }),
  };
}

function pointOf(kind: 'ed25519' | 'ecdsa', privateKey: KeyObject): Buffer[] {
  const { x = '', y = '' } = privateKey.export({ format: 'jwk' });
  const point = Buffer.from(x, 'base64url');
  if (kind === 'ed25519') return [field(point)];
  return [
    field('nistp256'),
    field(Buffer.concat([Buffer.from([4]), point, Buffer.from(y, 'base64url')])),
  ];
}

function rawOf(kind: 'ed25519' | 'ecdsa', key: KeyObject, message: Buffer): Buffer {
  if (kind === 'ed25519') return sign(null, message, key);
  const both = sign('sha256', message, { key, dsaEncoding: 'ieee-p1363' });
  return Buffer.concat([mpint(both.subarray(0, 32)), mpint(both.subarray(32))].map(field));
}

/** RFC 4251, section 5: shortest form, positive. */
function mpint(number: Buffer): Buffer {
  const first = number.findIndex((byte) => byte !== 0);
  const digits = number.subarray(first);
  return (digits[0] ?? 0) > 0x7f ? Buffer.concat([Buffer.from([0]), digits]) : digits;
}

function field(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

const sha256 = (bytes: Buffer): Buffer => createHash('sha256').update(bytes).digest();
