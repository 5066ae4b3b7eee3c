import type { SigningKey } from '@airlock/common/dsse/sign';
import type { SignerKeys } from '@airlock/common/wire/signer-protocol';
import { ConfigurationError } from '@airlock/process/config';
import { readPrivateKey } from '@airlock/process/private-key';
import type { SignerConfig } from '../config.ts';

export type KeyName = keyof SignerConfig['keys'];
export type SigningKeys = readonly [SigningKey, ...SigningKey[]];
export type LoadedKeys = {
  /** One key, or the old and the new one of a rotation. */
  signing: Record<KeyName, SigningKeys>;
  /** What others pin; no private part. */
  published: SignerKeys;
};

/**
 * Reads the keys of all four kinds.
 *
 * @throws ConfigurationError naming the key and its file: not readable by this user, readable by others, of another kind, or
 *   the same as another of them.
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
  const load = (name: KeyName): SigningKeys => {
    const files = config.keys[name];
    const [first, ...rest] = typeof files === 'string' ? [files] : files;
    if (first === undefined) throw refused(name, 'no file is given; name one');
    return [loadOne(name, first), ...rest.map((file) => loadOne(name, file))];
  };
  const loadOne = (name: KeyName, file: string): SigningKey => {
    const { keyid, privateKey, alg, publicKeyPem } = readPrivateKey(`keys.${name}`, file);
    const owner = owners.get(keyid);
    // A pull request's build would be signed by a key that the gate pins for main.
    if (owner !== undefined) {
      throw refused(name, `${file} is the same key as keys.${owner}; make one for each`);
    }
    owners.set(keyid, name);
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

function refused(name: KeyName, what: string): ConfigurationError {
  return new ConfigurationError('configuration-refused', `keys.${name}: ${what}`);
}
