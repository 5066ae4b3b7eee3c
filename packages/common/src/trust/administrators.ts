/**
 * Who may change what a gate decides by. The file is installed by hand beside each process of the gate and is never fetched
 * and never changed by the product: everything that is signed hangs on it.
 */
import { z } from 'zod';
import { Name } from '../wire/scalars.ts';
import {
  algorithmOf,
  importPublicKey,
  keyIdOf,
  TrustError,
  TrustRow,
  type PinnedSigner,
  type TrustStore,
} from './signer.ts';

const AdministratorKey = z.strictObject({
  ...TrustRow.pick({ keyid: true, publicKeyPem: true, alg: true }).shape,
  adminDomain: Name.describe('Who administers this person, such as platform or security.'),
  name: z.string().min(1).max(128).describe('Whose key it is, for people who read the file.'),
});
export type AdministratorKey = z.infer<typeof AdministratorKey>;

export const AdministratorsFile = z.strictObject({
  version: z.literal(1),
  threshold: z
    .int()
    .min(2)
    .max(8)
    .describe('How many of these keys must sign a configuration (2–8).'),
  domains: z
    .int()
    .min(1)
    .max(8)
    .default(1)
    .describe('Of how many administrative domains the signing keys must be (1–8). Default 1.'),
  keys: z.array(AdministratorKey).min(2).max(32),
});
export type AdministratorsFile = z.infer<typeof AdministratorsFile>;

/** The root of trust, imported: keys that sign configurations and nothing else. */
export type Administrators = {
  readonly threshold: number;
  readonly domains: number;
  readonly keys: readonly (AdministratorKey & { readonly pinned: PinnedSigner })[];
  readonly trust: TrustStore;
};

/**
 * Imports the keys once.
 *
 * @throws TrustError `E_TRUST_STORE` that names the key: not what its row says, in it twice, or fewer keys or domains than
 *   the quorum asks for.
 */
export function importAdministrators(file: AdministratorsFile): Administrators {
  const keys = file.keys.map((row) => ({ ...row, pinned: pin(row) }));
  for (const [what, values] of [
    ['key', keys.map(({ keyid }) => keyid)],
    ['name', keys.map(({ name }) => name)],
  ] as const) {
    const twice = values.find((value, index) => values.indexOf(value) !== index);
    if (twice !== undefined) {
      throw new TrustError('E_TRUST_STORE', `${what} ${twice} stands twice; keep one`);
    }
  }
  const domains = new Set(keys.map(({ adminDomain }) => adminDomain));
  if (keys.length < file.threshold || domains.size < file.domains) {
    throw new TrustError(
      'E_TRUST_STORE',
      `${keys.length} keys of ${domains.size} domains can never be ${file.threshold} of ${file.domains}; add keys`,
    );
  }
  const signers = new Map(keys.map(({ keyid, pinned }) => [keyid, pinned]));
  return { ...file, keys, trust: { signers, faults: new Map() } };
}

function pin(row: AdministratorKey): PinnedSigner {
  const { name, keyid, alg, adminDomain } = row;
  const refuse = (what: string, cause?: unknown): never => {
    throw new TrustError('E_TRUST_STORE', `key of ${name}: ${what}`, { cause });
  };
  let key;
  try {
    key = importPublicKey(row.publicKeyPem);
  } catch (cause) {
    if (!(cause instanceof TrustError)) throw cause;
    return refuse(cause.message, cause);
  }
  if (algorithmOf(key) !== alg) refuse(`it is not one for ${alg}; correct alg or the key`);
  if (keyIdOf(key) !== keyid) refuse(`its id is ${keyIdOf(key)}; correct keyid or the key`);
  return {
    ...{ keyid, alg, key, adminDomain },
    // No role: an administrator's key signs configurations and speaks for no builder.
    ...{ roles: [], builderIds: [] },
    // It counts from the day the file is installed to the day it is replaced.
    ...{ notBefore: new Date(0), notAfter: new Date(8.64e15), revokedAt: null },
  };
}
