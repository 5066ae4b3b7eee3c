/** Whatever the ledger calls revoked, Vault says so itself: that it revoked, and that it then listed nothing. */
import type { CredentialEntries, RecordedCredential } from './credential-entries.ts';
import type { VaultFinding } from './finding.ts';
import { issuanceFinding, type Issuance, type VaultObservations } from './observe.ts';

/** @param given.isInside whether the log would have a line of that time. */
export function endFindings(given: {
  readonly observed: VaultObservations;
  readonly recorded: CredentialEntries;
  /** The ledger's entry of a credential that stands in both. */
  readonly entryOf: (issuance: Issuance) => RecordedCredential | undefined;
  readonly isInside: (at: Date) => boolean;
  readonly skewMs: number;
}): VaultFinding[] {
  const { observed, recorded, isInside, skewMs } = given;
  const window = observed.window();
  return [...observed.logins, ...observed.credentials].flatMap((issuance) => {
    const { delivery, goneAt } = issuance;
    if (delivery === null || !isRevocable(issuance)) return [];
    const request = recorded.requested.get(delivery);
    const claim = request === undefined ? undefined : recorded.revoked.get(request.session);
    const isClaimed =
      claim !== undefined && (goneAt === null ? isInside(claim.at) : goneAt > later(claim.at));
    if (isClaimed) {
      return issuanceFinding(
        'revocation-unlogged',
        issuance,
        `ledger entry ${claim.index} calls it revoked at ${claim.at.toISOString()}; ${ending(issuance)}`,
      );
    }
    const end = recorded.finished.get(delivery);
    const wasOver =
      end !== undefined && isInside(end.at) && (goneAt ?? window?.to ?? end.at) > later(end.at);
    if (wasOver) {
      return issuanceFinding(
        'outlived',
        issuance,
        `its delivery ended at ${end.at.toISOString()}; ${ending(issuance)}`,
      );
    }
    if (issuance.seconds === null || goneAt !== null || !hasExpired(issuance, issuance.seconds)) {
      return [];
    }
    return issuanceFinding(
      'outlived',
      issuance,
      `Vault logged no revocation, so it lived for its whole ${issuance.seconds} s`,
    );
  });

  /** What dies by itself alone is said so in its entry, and nobody waits for its end in the log. */
  function isRevocable(issuance: Issuance): boolean {
    if (issuance.seconds !== null) return true;
    return (
      issuance.lease !== null && (given.entryOf(issuance)?.ending ?? 'revocable') === 'revocable'
    );
  }

  function hasExpired({ at }: Issuance, seconds: number): boolean {
    return window !== null && at.getTime() + seconds * 1000 + skewMs < window.to.getTime();
  }

  function later(at: Date): Date {
    return new Date(at.getTime() + skewMs);
  }
}

function ending({ revokedAt, goneAt }: Issuance): string {
  const revoked =
    revokedAt === null
      ? 'Vault logged no revocation'
      : `Vault revoked it at ${revokedAt.toISOString()}`;
  return goneAt === null
    ? `${revoked} and never listed its path as empty`
    : `${revoked} and listed its path as empty at ${goneAt.toISOString()}`;
}
