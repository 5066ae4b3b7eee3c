import { generateKeyPairSync } from 'node:crypto';
import { keyIdOf, type SignerRole, type TrustRow } from '@airlock/common/trust/signer';
import type { TrustFileRow } from '@airlock/common/trust/trust-file';

export type NewSigningKey = {
  /** PKCS #8; belongs in a file of mode 0600 that the signer alone may read. */
  privateKeyPem: string;
  publicKeyPem: string;
  /** `base64(SHA-256(SPKI DER))`. */
  keyid: string;
  alg: TrustRow['alg'];
};

export function createSigningKey(alg: TrustRow['alg']): NewSigningKey {
  const { privateKey, publicKey } =
    alg === 'ed25519'
      ? generateKeyPairSync('ed25519')
      : generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  return {
    privateKeyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    publicKeyPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    keyid: keyIdOf(publicKey),
    alg,
  };
}

/** The row by which the gate pins a key, in the form of its trust file. */
export function trustRow(options: {
  key: Pick<NewSigningKey, 'keyid' | 'publicKeyPem' | 'alg'>;
  roles: readonly SignerRole[];
  /** Empty for a promotion key, which speaks for no builder. */
  builderIds: readonly string[];
  /** Who administers the machine that holds the key. */
  adminDomain: string;
  notBefore: Date;
  notAfter: Date;
}): TrustFileRow {
  const { key } = options;
  return {
    keyid: key.keyid,
    publicKeyPem: key.publicKeyPem,
    alg: key.alg,
    roles: [...options.roles],
    builderIds: [...options.builderIds],
    notBefore: timestamp(options.notBefore),
    notAfter: timestamp(options.notAfter),
    adminDomain: options.adminDomain,
  };
}

function timestamp(date: Date): string {
  return date.toISOString().replace(/\.\d{3}Z$/, 'Z');
}
