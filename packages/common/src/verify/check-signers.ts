import type { PinnedSigner, SignerRole } from '../trust/signer.ts';
import { AdmissionError } from './admission-codes.ts';

/**
 * Checks that enough distinct keys that may say this have said it.
 *
 * Keys with another role or another builder do not count; they are no fault beside enough good ones, because a rotation
 * may sign with more keys than one target asks for. Keys of one administrative domain are one signer: the old and the new
 * key of a rotation, or two keys on one machine, are still one that has to be captured.
 *
 * @param builderId the builder for whom the keys must be allowed to speak; null for a statement that is not a builder's.
 * @param threshold 1 or more, counted over distinct keys and their distinct administrative domains.
 * @returns the keys that count.
 * @throws AdmissionError `E_KEY_ROLE`, `E_BUILDER_ID`, `E_THRESHOLD`.
 */
export function requireSigners(
  signers: readonly PinnedSigner[],
  role: SignerRole,
  builderId: string | null,
  threshold: number,
): readonly PinnedSigner[] {
  const withRole = signers.filter((signer) => signer.roles.includes(role));
  if (withRole.length === 0) {
    throw new AdmissionError('E_KEY_ROLE', `no key that signed has the role ${role}`);
  }
  const counting =
    builderId === null
      ? withRole
      : withRole.filter((signer) => signer.builderIds.includes(builderId));
  if (counting.length === 0) {
    throw new AdmissionError(
      'E_BUILDER_ID',
      `no key that signed may speak for ${String(builderId)}`,
    );
  }
  const domains = new Set(counting.map(domainOf));
  if (!(domains.size >= threshold)) {
    throw new AdmissionError(
      'E_THRESHOLD',
      `${domains.size} of ${threshold} distinct signers of role ${role} signed (keys of one administrative domain are one)`,
    );
  }
  return counting;
}

/** A key id has characters that no domain's name has, so a key without a domain shares it with none. */
const domainOf = ({ adminDomain, keyid }: PinnedSigner): string => adminDomain ?? `key ${keyid}`;
