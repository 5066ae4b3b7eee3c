/** What pages and the API say of a passkey. What counts is judged by the kernel, from the ledger and the roster. */
import { countsFromIn, rosterAllows } from '@airlock/common/approval/count-approvals';
import type { KnownEnrolment } from '@airlock/common/approval/enrolments';
import type { Person } from '../domain/roster.ts';
import type { Passkey } from './passkey-ports.ts';

export type ShownPasskey = {
  readonly passkey: Passkey;
  /** Null for somebody whom the roster does not name. */
  readonly person: Person | null;
  /** As the ledger has it; null while it does not. */
  readonly enrolment: KnownEnrolment | null;
};

/** `recording`: not in the ledger yet. `first-day`: counts once that is over, where the roster lists it. */
export type PasskeyState = 'recording' | 'first-day' | 'unlisted' | 'in-force' | 'withdrawn';

export function passkeyState(shown: ShownPasskey, now: Date): PasskeyState {
  const { passkey, person, enrolment } = shown;
  if (withdrawnAt(shown) !== null) return 'withdrawn';
  if (enrolment === null) return 'recording';
  const countsFrom = countsFromIn(person ?? undefined, enrolment);
  if (countsFrom !== null && countsFrom > now) return 'first-day';
  return rosterAllows(person ?? undefined, passkey) ? 'in-force' : 'unlisted';
}

export const withdrawnAt = ({
  passkey,
  enrolment,
}: Pick<ShownPasskey, 'passkey' | 'enrolment'>): Date | null =>
  enrolment?.withdrawnAt ?? passkey.revokedAt;

/** Whether it stands and does not count: for the ledger, the roster or the end of its day. */
export function waits(shown: ShownPasskey, now: Date): boolean {
  const state = passkeyState(shown, now);
  return state !== 'withdrawn' && state !== 'in-force';
}

/** Whether everybody who decides may withdraw it: it is in its first day, and nobody took it away. */
export const mayOthersWithdraw = (shown: ShownPasskey, now: Date): boolean =>
  withdrawnAt(shown) === null && (shown.enrolment === null || shown.enrolment.countsFrom > now);
