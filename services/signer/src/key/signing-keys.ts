import { createPrivateKey, createPublicKey } from 'node:crypto';
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import type { KeyObject } from 'node:crypto';
import type { SigningKey } from '@airlock/common/dsse/sign';
import type { SignerKeys } from '@airlock/common/wire/signer-protocol';
import { algorithmOf, keyIdOf } from '@airlock/common/trust/signer';
import { ConfigurationError } from '@airlock/process/config';
import type { SignerConfig } from '../config.ts';

export type KeyName = keyof SignerConfig['keys'];
export type LoadedKeys = {
  signing: Record<KeyName, SigningKey>;
  /** What others pin; no private part. */
  published: SignerKeys;
};

/**
 * Reads the four keys.
 *
 * @throws ConfigurationError naming the key and its file: not readable by this user, readable by others, of another kind, or
 *   the same as another of the four.
 */
export function loadKeys(config: Pick<SignerConfig, 'keys' | 'builderIds'>): LoadedKeys {
  const { main, pr } = config.builderIds;
  const uses: Record<KeyName, Pick<SignerKeys['keys'][number], 'roles' | 'builderIds'>> = {
    main: { roles: ['provenance'], builderIds: [main] },
    pr: { roles: ['provenance'], builderIds: [pr] },
    test: { roles: ['test'], builderIds: [main] },
    promotion: { roles: ['promotion'], builderIds: [] },
  };
  const owners = new Map<string, KeyName>();
  const published: SignerKeys['keys'] = [];
  const load = (name: KeyName): SigningKey => {
    const file = config.keys[name];
    const privateKey = readPrivateKey(name, file);
    const publicKey = createPublicKey(privateKey);
    const alg = algorithmOf(publicKey);
    if (alg === null) {
      throw refused(name, `${file} is neither an ECDSA P-256 nor an Ed25519 key; make another`);
    }
    const keyid = keyIdOf(publicKey);
    const owner = owners.get(keyid);
    // A pull request's build would be signed by a key that the gate pins for main.
    if (owner !== undefined) {
      throw refused(name, `${file} is the same key as keys.${owner}; make one for each`);
    }
    owners.set(keyid, name);
    const publicKeyPem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
    published.push({ keyid, publicKeyPem, alg, ...uses[name] });
    return { keyid, privateKey };
  };
  const signing = {
    main: load('main'),
    pr: load('pr'),
    test: load('test'),
    promotion: load('promotion'),
  };
  return { signing, published: { keys: published } };
}

function readPrivateKey(name: KeyName, file: string): KeyObject {
  let descriptor: number;
  try {
    descriptor = openSync(file, 'r');
  } catch (cause) {
    throw refused(
      name,
      `${file} cannot be read by this user; correct the path or its owner`,
      cause,
    );
  }
  try {
    // Asked of the open file, so that what was checked is what is read.
    if ((fstatSync(descriptor).mode & 0o077) !== 0) {
      throw refused(name, `${file} is open to other users; run: chmod 600 ${file}`);
    }
    const text = readFileSync(descriptor);
    try {
      return createPrivateKey(text);
    } catch (cause) {
      throw refused(name, `${file} is not a private key in PEM without a passphrase`, cause);
    }
  } finally {
    closeSync(descriptor);
  }
}

function refused(name: KeyName, what: string, cause?: unknown): ConfigurationError {
  return new ConfigurationError('configuration-refused', `keys.${name}: ${what}`, { cause });
}
