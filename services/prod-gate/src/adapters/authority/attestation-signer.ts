/** The authority's second key: signs what the gate states to others. Vault knows nothing of it. */
import { createPublicKey } from 'node:crypto';
import { intotoPayloadType } from '@airlock/common/constants';
import { signEnvelope } from '@airlock/common/dsse/sign';
import { keyIdOf } from '@airlock/common/trust/signer';
import type { AttestationSigner } from '../../app/attestation-ports.ts';
import { readSigningKey } from '../files/signing-key.ts';

/**
 * @param keyFile PEM file (PKCS#8) with a P-256 key, readable by its owner alone.
 * @throws ConfigurationError `configuration-unreadable`.
 */
export function createAttestationSigner(keyFile: string): AttestationSigner {
  const privateKey = readSigningKey(keyFile, 'attestationKeyFile');
  const keyid = keyIdOf(createPublicKey(privateKey));
  return {
    keyid,
    sign: (statement) =>
      Buffer.from(signEnvelope(intotoPayloadType, statement, [{ keyid, privateKey }])),
  };
}
