/** One key of the transit engine: its versions and what each type of key can do. */
import {
  type KeyObject,
  createCipheriv,
  createDecipheriv,
  generateKeyPairSync,
  hkdfSync,
  randomBytes,
  sign,
  verify,
} from 'node:crypto';
import { ApiFailure } from '../api.ts';

export type KeyType = 'aes256-gcm96' | 'ed25519' | 'ecdsa-p256';
type Material =
  | { createdAt: number; secret: Buffer }
  | { createdAt: number; privateKey: KeyObject; publicKey: KeyObject };

export type TransitKey = {
  readonly name: string;
  readonly type: KeyType;
  readonly derived: boolean;
  readonly versions: Map<number, Material>;
  latest: number;
  minDecryption: number;
  minEncryption: number;
  deletionAllowed: boolean;
};

/** Base64 text on the wire, bytes here; absent stays absent. */
export type Extras = { context?: Buffer | undefined; aad?: Buffer | undefined };

const nonceBytes = 12;
const tagBytes = 16;

export function makeKey(name: string, type: KeyType, derived: boolean, now: number): TransitKey {
  const key: TransitKey = {
    name,
    type,
    derived,
    versions: new Map(),
    latest: 0,
    minDecryption: 1,
    minEncryption: 0,
    deletionAllowed: false,
  };
  addVersion(key, now);
  return key;
}

export function addVersion(key: TransitKey, now: number): void {
  key.latest += 1;
  key.versions.set(key.latest, { createdAt: now, ...newMaterial(key.type) });
}

function newMaterial(type: KeyType) {
  if (type === 'aes256-gcm96') return { secret: randomBytes(32) };
  if (type === 'ed25519') return generateKeyPairSync('ed25519');
  return generateKeyPairSync('ec', { namedCurve: 'P-256' });
}

export function encrypt(key: TransitKey, plaintext: Buffer, extras: Extras): string {
  if (key.type !== 'aes256-gcm96') {
    throw new ApiFailure(400, `message encryption not supported for key type ${key.type}`);
  }
  const nonce = randomBytes(nonceBytes);
  const secret = secretFor(key, key.latest, extras.context);
  const cipher = createCipheriv('aes-256-gcm', secret, nonce, { authTagLength: tagBytes });
  if (extras.aad !== undefined) cipher.setAAD(extras.aad);
  const sealed = Buffer.concat([nonce, cipher.update(plaintext), cipher.final()]);
  return `vault:v${key.latest}:${Buffer.concat([sealed, cipher.getAuthTag()]).toString('base64')}`;
}

/** @throws ApiFailure `wrongKeyStatus` (400 or, on older servers, 500) when the context or the text is another's. */
export function decrypt(
  key: TransitKey,
  ciphertext: string,
  extras: Extras,
  wrongKeyStatus: number,
): Buffer {
  if (key.type !== 'aes256-gcm96') {
    throw new ApiFailure(400, `message decryption not supported for key type ${key.type}`);
  }
  const { version, rest } = splitVersion(key, ciphertext, 'ciphertext');
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(rest) || rest.length % 4 !== 0) {
    throw new ApiFailure(400, 'invalid ciphertext: could not decode base64');
  }
  const bytes = Buffer.from(rest, 'base64');
  if (bytes.length < nonceBytes + tagBytes) throw new ApiFailure(400, 'invalid ciphertext length');
  const secret = secretFor(key, version, extras.context);
  const decipher = createDecipheriv('aes-256-gcm', secret, bytes.subarray(0, nonceBytes), {
    authTagLength: tagBytes,
  });
  if (extras.aad !== undefined) decipher.setAAD(extras.aad);
  decipher.setAuthTag(bytes.subarray(-tagBytes));
  try {
    return Buffer.concat([
      decipher.update(bytes.subarray(nonceBytes, -tagBytes)),
      decipher.final(),
    ]);
  } catch {
    throw new ApiFailure(wrongKeyStatus, 'cipher: message authentication failed');
  }
}

export function signInput(key: TransitKey, input: Buffer, isJws: boolean): string {
  const material = signingMaterial(key, key.latest);
  const signature = sign(digestOf(key), input, {
    key: material.privateKey,
    dsaEncoding: isJws ? 'ieee-p1363' : 'der',
  });
  return `vault:v${key.latest}:${signature.toString(isJws ? 'base64url' : 'base64')}`;
}

export function isSignedBy(
  key: TransitKey,
  input: Buffer,
  signature: string,
  isJws: boolean,
): boolean {
  const { version, rest } = splitVersion(key, signature, 'signature');
  return verify(
    digestOf(key),
    input,
    {
      key: signingMaterial(key, version).publicKey,
      dsaEncoding: isJws ? 'ieee-p1363' : 'der',
    },
    Buffer.from(rest, isJws ? 'base64url' : 'base64'),
  );
}

/** What `GET keys/:name` says of each version that may still be used. */
export function describeVersions(key: TransitKey): Record<string, unknown> {
  const usable = [...key.versions].filter(([number]) => number >= key.minDecryption);
  return Object.fromEntries(
    usable.map(([number, material]) => [
      number,
      'secret' in material
        ? Math.floor(material.createdAt / 1000)
        : {
            creation_time: new Date(material.createdAt).toISOString(),
            name: key.type === 'ed25519' ? 'ed25519' : 'P-256',
            public_key: publicText(key.type, material.publicKey),
          },
    ]),
  );
}

function publicText(type: KeyType, publicKey: KeyObject): string {
  if (type !== 'ed25519') return publicKey.export({ type: 'spki', format: 'pem' }).toString();
  // The last 32 bytes of the SPKI form are the key itself.
  return publicKey.export({ type: 'spki', format: 'der' }).subarray(-32).toString('base64');
}

function secretFor(key: TransitKey, version: number, context: Buffer | undefined): Buffer {
  const material = key.versions.get(version);
  if (material === undefined || !('secret' in material)) {
    throw new ApiFailure(400, 'invalid ciphertext: version is too new');
  }
  if (!key.derived) return material.secret;
  if (context === undefined || context.length === 0) {
    throw new ApiFailure(
      400,
      "missing 'context' for key derivation; the key was created using a derived key, which means additional, per-request information must be included in order to perform operations with the key",
    );
  }
  return Buffer.from(hkdfSync('sha256', material.secret, '', context, 32));
}

function signingMaterial(key: TransitKey, version: number) {
  const material = key.versions.get(version);
  if (material === undefined || !('privateKey' in material)) {
    throw new ApiFailure(400, `key type ${key.type} does not support signing`);
  }
  return material;
}

function digestOf(key: TransitKey): string | null {
  return key.type === 'ed25519' ? null : 'sha256';
}

function splitVersion(
  key: TransitKey,
  text: string,
  what: 'ciphertext' | 'signature',
): { version: number; rest: string } {
  const match = /^vault:v(\d+):(.*)$/s.exec(text);
  if (match === null) throw new ApiFailure(400, `invalid ${what}: no prefix`);
  const version = Number(match[1]);
  if (version > key.latest) throw new ApiFailure(400, `invalid ${what}: version is too new`);
  if (version < key.minDecryption) {
    throw new ApiFailure(400, 'ciphertext or signature version is disallowed by policy (too old)');
  }
  return { version, rest: match[2] ?? '' };
}
