/** The authority's key: signs the one JWT that a delivery can log in to Vault with. */
import { SignJWT } from 'jose';
import { readSigningKey } from '../files/signing-key.ts';
import type { LoginClaims, LoginSigner } from '../../app/mint-login.ts';

/**
 * @param keyFile PEM file (PKCS#8) with a P-256 key, readable by its owner alone.
 * @throws ConfigurationError `configuration-unreadable` when it is missing, readable by others, or another kind of key.
 */
export function createLoginSigner(keyFile: string): LoginSigner {
  const key = readSigningKey(keyFile, 'keyFile');
  return {
    sign: (claims: LoginClaims) =>
      new SignJWT({ ...claims }).setProtectedHeader({ alg: 'ES256', typ: 'JWT' }).sign(key),
  };
}
