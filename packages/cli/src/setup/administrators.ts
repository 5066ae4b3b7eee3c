/** administrators.json: the gate's root of trust, from public keys that were handed over in person. */
import { createPrivateKey } from 'node:crypto';
import type { SigningKey } from '@airlock/common/dsse/sign';
import { AdministratorsFile, importAdministrators } from '@airlock/common/trust/administrators';
import type { NewSigningKey } from './signing-keys.ts';

export type Administrator = {
  readonly name: string;
  readonly adminDomain: string;
  readonly key: Pick<NewSigningKey, 'keyid' | 'publicKeyPem' | 'alg'>;
};

/**
 * @param quorum how many of the people must sign, of how many domains.
 * @throws ZodError or TrustError for a quorum that these people can never be.
 */
export function administratorsFile(
  quorum: { readonly threshold: number; readonly domains: number },
  people: readonly Administrator[],
): string {
  const file = AdministratorsFile.parse({
    version: 1,
    ...quorum,
    keys: people.map(({ name, adminDomain, key: { keyid, publicKeyPem, alg } }) => ({
      ...{ keyid, publicKeyPem, alg, adminDomain, name },
    })),
  });
  importAdministrators(file);
  return `${JSON.stringify(file, null, 2)}\n`;
}

export const signingKeyOf = ({ keyid, privateKeyPem }: NewSigningKey): SigningKey => ({
  keyid,
  privateKey: createPrivateKey(privateKeyPem),
});
