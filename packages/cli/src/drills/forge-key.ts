/**
 * The demo's forge: it signs what reaches main, as a forge does that merges by pull request. Written out here because the
 * demo runs where git is and ssh-keygen may not be.
 */
import { execFileSync } from 'node:child_process';
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
} from 'node:crypto';

export interface ForgeKey {
  readonly privateKeyPem: string;
  /** As roster.yaml has it. */
  readonly row: {
    readonly key: string;
    readonly owner: 'forge';
    readonly notBefore: string;
    readonly notAfter: string;
  };
}

/** Valid from a day ago for 180 days. */
export function createForgeKey(now: Date): ForgeKey {
  const { privateKey } = generateKeyPairSync('ed25519');
  const day = (days: number): string => new Date(now.getTime() + days * 86_400_000).toISOString();
  const privateKeyPem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const key = `ssh-ed25519 ${publicBlob(privateKeyPem).toString('base64')} forge`;
  return { privateKeyPem, row: { key, owner: 'forge', notBefore: day(-1), notAfter: day(180) } };
}

/** The commit object with the forge's signature in it. @param object a raw commit without a signature. */
function signedCommit(object: Buffer, { privateKeyPem }: Pick<ForgeKey, 'privateKeyPem'>): Buffer {
  const digest = createHash('sha512').update(object).digest();
  const named = [Buffer.from('git'), Buffer.alloc(0), Buffer.from('sha512')];
  const magic = Buffer.from('SSHSIG');
  const signed = Buffer.concat([magic, ...[...named, digest].map(field)]);
  const signature = fields(
    Buffer.from('ssh-ed25519'),
    sign(null, signed, createPrivateKey(privateKeyPem)),
  );
  const version = Buffer.from([0, 0, 0, 1]);
  const body = Buffer.concat([
    magic,
    version,
    fields(publicBlob(privateKeyPem), ...named, signature),
  ]);
  const lines = body.toString('base64').match(/.{1,70}/g) ?? [];
  const armoured = ['-----BEGIN SSH SIGNATURE-----', ...lines, '-----END SSH SIGNATURE-----'].join(
    '\n ',
  );
  const end = object.indexOf('\n\n');
  return Buffer.concat([
    object.subarray(0, end),
    Buffer.from(`\ngpgsig ${armoured}`),
    object.subarray(end),
  ]);
}

/** @returns the id of the commit as the forge signs it, in that repository; no ref points at it yet. */
export function signCommit(
  directory: string,
  commit: string,
  forge: Pick<ForgeKey, 'privateKeyPem'>,
): string {
  const run = (args: readonly string[], input?: Buffer): Buffer =>
    execFileSync('git', ['-C', directory, ...args], { input });
  const signed = signedCommit(run(['cat-file', 'commit', commit]), forge);
  return run(['hash-object', '-t', 'commit', '-w', '--stdin'], signed).toString().trim();
}

function publicBlob(privateKeyPem: string): Buffer {
  const spki = createPublicKey(privateKeyPem).export({ type: 'spki', format: 'der' });
  return fields(Buffer.from('ssh-ed25519'), spki.subarray(-32));
}

const fields = (...values: readonly Buffer[]): Buffer => Buffer.concat(values.map(field));

function field(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
