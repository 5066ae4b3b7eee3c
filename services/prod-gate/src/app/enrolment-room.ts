/** How many passkeys one person may add: enough for everybody, and too few to hide one among them. */
import { rosterAllows } from '@airlock/common/approval/count-approvals';
import type { Person } from '../domain/roster.ts';
import { DecisionError } from './decision-error.ts';
import type { Passkey } from './passkey-ports.ts';

/** Of one person, added and not in the roster yet. */
export const mostWaiting = 5;
/** Of one person within 24 hours, also those that were withdrawn since. */
export const mostADay = 30;

const dayMs = 24 * 3_600_000;

/**
 * @param existing all of the person's, also withdrawn ones, oldest first.
 * @throws DecisionError `passkeys-full`, `passkeys-too-many`
 */
export function checkRoom(person: Person, existing: readonly Passkey[], now: Date): void {
  const waiting = existing.filter(
    (passkey) => passkey.revokedAt === null && !rosterAllows(person, passkey),
  );
  if (waiting.length >= mostWaiting) {
    const names = waiting.map(({ label }) => `“${label}”`).join(', ');
    throw new DecisionError(
      'passkeys-full',
      `${waiting.length} passkeys of yours wait for the roster already, which is as many as may: ${names}. Withdraw one of them on your page (/me), or have administrators sign its line.`,
    );
  }
  const since = now.getTime() - dayMs;
  const first = existing.filter(({ enrolledAt }) => enrolledAt.getTime() > since).at(-mostADay);
  if (first !== undefined) {
    const again = new Date(first.enrolledAt.getTime() + dayMs);
    throw new DecisionError(
      'passkeys-too-many',
      `You added ${mostADay} passkeys within a day, which is as many as may; the next one from ${again.toISOString()} on. If it was not you who added them, withdraw them on your page (/me) and tell the security team.`,
    );
  }
}
