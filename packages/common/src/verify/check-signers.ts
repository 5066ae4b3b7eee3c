import type { PinnedSigner, SignerRole } from '../trust/signer.ts';
import { AdmissionError } from './admission-codes.ts';

/**
 * Checks that enough distinct keys that may say this have said it.
 *
 * Keys with another role or another builder do not count; they are no fault beside enough good ones, because a rotation
 * may sign with more keys than one target asks for.
 *
 * @param builderId the builder for whom the keys must be allowed to speak; null for a statement that is not a builder's.
 * @param threshold 1 or more, counted over distinct keys.
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
  if (counting.length < threshold) {
    throw new AdmissionError(
      'E_THRESHOLD',
      `${counting.length} of ${threshold} distinct keys of role ${role} signed`,
    );
  }
  return counting;
}
