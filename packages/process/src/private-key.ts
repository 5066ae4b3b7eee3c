import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import type { SigningKey } from '@airlock/common/dsse/sign';
import { algorithmOf, keyIdOf, type TrustRow } from '@airlock/common/trust/signer';
import { ConfigurationError } from './config.ts';

/** A key to sign statements with, and what others pin of it. */
export type PrivateKey = SigningKey & {
  readonly alg: TrustRow['alg'];
  readonly publicKeyPem: string;
};

/**
 * Reads a signing key: PEM, ECDSA P-256 or Ed25519, of a file that its owner alone may read.
 *
 * @param setting name of the setting that gives the file, for messages.
 * @throws ConfigurationError that names setting and file: unreadable, open to others, or no such key.
 */
export function readPrivateKey(setting: string, file: string): PrivateKey {
  const refused = (what: string, cause?: unknown): ConfigurationError =>
    new ConfigurationError('configuration-refused', `${setting}: ${file} ${what}`, { cause });
  const privateKey = importPrivateKey(file, refused);
  const publicKey = createPublicKey(privateKey);
  const alg = algorithmOf(publicKey);
  if (alg === null) throw refused('is neither an ECDSA P-256 nor an Ed25519 key; make another');
  return {
    keyid: keyIdOf(publicKey),
    privateKey,
    alg,
    publicKeyPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  };
}

function importPrivateKey(
  file: string,
  refused: (what: string, cause?: unknown) => ConfigurationError,
): KeyObject {
  let descriptor: number;
  try {
    descriptor = openSync(file, 'r');
  } catch (cause) {
    throw refused('cannot be read by this user; correct the path or its owner', cause);
  }
  try {
    // Asked of the open file, so that what was checked is what is read.
    if ((fstatSync(descriptor).mode & 0o077) !== 0) {
      throw refused(`is open to other users; run: chmod 600 ${file}`);
    }
    const text = readFileSync(descriptor);
    try {
      return createPrivateKey(text);
    } catch (cause) {
      throw refused('is not a private key in PEM without a passphrase', cause);
    }
  } finally {
    closeSync(descriptor);
  }
}
