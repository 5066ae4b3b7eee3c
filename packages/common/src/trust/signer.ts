/**
 * Pinned signers. A key counts for what its row says (algorithm, roles, builders, window) and for nothing else.
 */
import { createHash, createPublicKey, verify, type KeyObject } from 'node:crypto';
import { Buffer } from 'node:buffer';
import { z } from 'zod';
import { AirlockError } from '../errors.ts';
import { Name, Timestamp } from '../wire/scalars.ts';

export const SignerRole = z.enum(['provenance', 'test', 'promotion', 'run']);
export type SignerRole = z.infer<typeof SignerRole>;

export const TrustRow = z.strictObject({
  keyid: z.string().describe('base64(SHA-256(SPKI DER)) of the key: the row names its own key.'),
  publicKeyPem: z.string().describe('The public key, PEM of SubjectPublicKeyInfo.'),
  alg: z
    .enum(['ecdsa-p256-sha256', 'ed25519'])
    .describe('The one algorithm this key signs with. ECDSA signatures are DER.'),
  roles: z.array(SignerRole).min(1).describe('Kinds of statement this key may sign.'),
  builderIds: z
    .array(z.string())
    .describe('Builders it may speak for, compared exactly; empty for a promotion key.'),
  notBefore: Timestamp,
  notAfter: Timestamp,
  revokedAt: Timestamp.optional().describe(
    'From this moment nothing it signed counts, whatever date the signature claims.',
  ),
  adminDomain: Name.optional().describe(
    'Who administers the machine that holds the key. Keys of one domain count as one signer; a row without it is a domain of its own. Required in trust.json.',
  ),
});
export type TrustRow = z.infer<typeof TrustRow>;

export class TrustError extends AirlockError<'E_TRUST_STORE'> {}

/** A row whose key was imported and proved to be the one that the row names. */
export type PinnedSigner = {
  readonly keyid: string;
  readonly alg: TrustRow['alg'];
  readonly key: KeyObject;
  readonly roles: readonly SignerRole[];
  readonly builderIds: readonly string[];
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly revokedAt: Date | null;
  readonly adminDomain: string | null;
};

/** Signers by key id. A row that is not whole stays in it as a fault, so that using it is refused and not overlooked. */
export type TrustStore = {
  readonly signers: ReadonlyMap<string, PinnedSigner>;
  readonly faults: ReadonlyMap<string, string>;
};

/**
 * Imports trust rows (the form of `TrustRow`) once, so that admission does no key parsing.
 *
 * Never throws on a bad row: an envelope that uses it gets `E_TRUST_STORE`. A process that reads its trust store at
 * start calls `requireWholeTrust` and does not start with a broken one.
 */
export function importTrust(rows: readonly unknown[]): TrustStore {
  const signers = new Map<string, PinnedSigner>();
  const faults = new Map<string, string>();
  for (const [index, row] of rows.entries()) {
    const keyid = keyIdIn(row) ?? `row ${index + 1}`;
    try {
      if (signers.has(keyid) || faults.has(keyid)) {
        throw new TrustError('E_TRUST_STORE', 'two rows name this key; keep one');
      }
      signers.set(keyid, importRow(parseRow(row)));
    } catch (error) {
      if (!(error instanceof TrustError)) throw error;
      signers.delete(keyid);
      faults.set(keyid, error.message);
    }
  }
  return { signers, faults };
}

/** The key that a row means to pin, even where the rest of it is malformed. */
function keyIdIn(row: unknown): string | null {
  const named = z.object({ keyid: z.string() }).safeParse(row);
  return named.success ? named.data.keyid : null;
}

function parseRow(row: unknown): TrustRow {
  const parsed = TrustRow.safeParse(row);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new TrustError(
    'E_TRUST_STORE',
    `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'malformed'}`,
  );
}

/** @throws TrustError `E_TRUST_STORE` that names every bad row and what is wrong with it. */
export function requireWholeTrust(store: TrustStore): TrustStore {
  if (store.faults.size === 0) return store;
  const list = [...store.faults].map(([keyid, fault]) => `${keyid}: ${fault}`);
  throw new TrustError('E_TRUST_STORE', list.join('; '));
}

/** `base64(SHA-256(SPKI DER))`, the id that cosign and sigstore use, too. */
export function keyIdOf(publicKey: KeyObject): string {
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64');
}

/** Algorithm of a public key that Airlock accepts, or null: P-256 and Ed25519, nothing else. */
export function algorithmOf(publicKey: KeyObject): TrustRow['alg'] | null {
  if (publicKey.asymmetricKeyType === 'ed25519') return 'ed25519';
  const isP256 =
    publicKey.asymmetricKeyType === 'ec' &&
    publicKey.asymmetricKeyDetails?.namedCurve === 'prime256v1';
  return isP256 ? 'ecdsa-p256-sha256' : null;
}

/** Verifies one signature with the pinned algorithm: SHA-256 and DER for P-256, pure Ed25519 otherwise. */
export function signatureIsValid(
  key: KeyObject,
  alg: TrustRow['alg'],
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  return alg === 'ed25519'
    ? verify(null, message, key, signature)
    : verify('sha256', message, { key, dsaEncoding: 'der' }, signature);
}

function importRow(row: TrustRow): PinnedSigner {
  const key = importPublicKey(row.publicKeyPem);
  if (algorithmOf(key) !== row.alg) {
    throw new TrustError(
      'E_TRUST_STORE',
      `the key is not one for ${row.alg}; correct alg or the key`,
    );
  }
  if (keyIdOf(key) !== row.keyid) {
    throw new TrustError(
      'E_TRUST_STORE',
      `the key's id is ${keyIdOf(key)}; correct keyid or the key`,
    );
  }
  const notBefore = new Date(row.notBefore);
  const notAfter = new Date(row.notAfter);
  if (!(notBefore.getTime() < notAfter.getTime())) {
    throw new TrustError('E_TRUST_STORE', 'notBefore is not before notAfter; correct the window');
  }
  return {
    keyid: row.keyid,
    alg: row.alg,
    key,
    roles: row.roles,
    builderIds: row.builderIds,
    notBefore,
    notAfter,
    revokedAt: row.revokedAt === undefined ? null : new Date(row.revokedAt),
    adminDomain: row.adminDomain ?? null,
  };
}

/** @throws TrustError when the PEM is not exactly one public key, or a key that anybody can sign for. */
export function importPublicKey(pem: string): KeyObject {
  // createPublicKey would derive a public key from a private one; a private key has no place in a trust store.
  if (!/^-----BEGIN PUBLIC KEY-----\r?\n[^-]*-----END PUBLIC KEY-----\s*$/.test(pem)) {
    throw new TrustError('E_TRUST_STORE', 'one PEM block BEGIN PUBLIC KEY expected');
  }
  let key: KeyObject;
  let spki: Buffer;
  try {
    key = createPublicKey({ key: pem, format: 'pem', type: 'spki' });
    // The point at infinity is read, and fails here.
    spki = key.export({ type: 'spki', format: 'der' });
  } catch (cause) {
    throw new TrustError('E_TRUST_STORE', 'the PEM does not hold a public key', { cause });
  }
  // One key, one spelling: another form of its point, or a byte at the end, would give the key a second id.
  const written = Buffer.from(pem.replaceAll(/-----[A-Z ]+-----/g, ''), 'base64');
  const isP256 = algorithmOf(key) === 'ecdsa-p256-sha256';
  if (!written.equals(spki) || (isP256 && !isUncompressed(spki))) {
    throw new TrustError(
      'E_TRUST_STORE',
      'the key is not written as openssl writes it (uncompressed point, nothing after it); export it anew',
    );
  }
  if (key.asymmetricKeyType === 'ed25519' && isSmallOrder(key)) {
    throw new TrustError(
      'E_TRUST_STORE',
      'an Ed25519 key of small order, for which anyone can sign',
    );
  }
  return key;
}

/** True where the last 65 bytes of a SubjectPublicKeyInfo are a BIT STRING's end and a P-256 point of the form 04, x, y. */
function isUncompressed(spki: Buffer): boolean {
  return spki.subarray(-68, -64).equals(Buffer.of(0x03, 0x42, 0x00, 0x04));
}

/** The y coordinates of Ed25519's eight small-order points, in every encoding, without the sign bit. */
const smallOrderPoints: ReadonlySet<string> = new Set([
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
]);

function isSmallOrder(key: KeyObject): boolean {
  const point = Buffer.from(key.export({ type: 'spki', format: 'der' }).subarray(-32));
  point[31] = (point[31] ?? 0) & 0x7f;
  return smallOrderPoints.has(point.toString('hex'));
}
