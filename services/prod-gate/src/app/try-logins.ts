/**
 * Tries, once its revocation was asked for, whether the target still takes a login. That Vault lists no lease says that Vault
 * believes it; what the target's own database says is what counts.
 *
 * Only where the gate itself logs in for the hook: there it knows which database the login is for, and that it worked.
 */
import { proxiedCredential, type Egress } from '@airlock/common/policy/target-egress';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fenced } from './delivery-ports.ts';
import type { LoginTrial, VaultSessionStore } from './vault-session-ports.ts';
import type { Credential, CredentialSecret } from './vault-ports.ts';

export type DatabasePlace = Extract<Egress, { kind: 'postgres' }>;
export type DatabaseLogin = Extract<CredentialSecret, { kind: 'database' }>;

/** One attempt to log in, which is ended at once. Never throws: what cannot be found out is `unknown`. */
export type TryLogin = (place: DatabasePlace, login: DatabaseLogin) => Promise<LoginTrial>;

/** Vault drops the role behind the answer to the token's revocation: so long a login that works is no finding. */
const usuallyDropsWithinMs = 800;
/** Doubles from attempt to attempt: usually Vault needs a few milliseconds. */
const firstPauseMs = 10;
const laterPauseMs = 1_000;

/** Where the gate itself logs in with this credential; null where it does not. */
export function trialPlace(egresses: readonly Egress[], as: string): DatabasePlace | null {
  for (const egress of egresses) {
    if (egress.kind === 'postgres' && proxiedCredential(egress) === as) return egress;
  }
  return null;
}

/**
 * Tries every login that there is a place for and records what came of it; one that works is tried again until `isOver`.
 */
export async function tryLogins(
  dependencies: {
    sessions: Pick<VaultSessionStore, 'tried'>;
    tryLogin: TryLogin;
    clock: () => Date;
  },
  given: {
    session: Fenced;
    egresses: readonly Egress[];
    credentials: readonly Credential[];
    isOver: () => boolean;
  },
): Promise<void> {
  const { sessions, tryLogin, clock } = dependencies;

  async function tryOne(name: string, place: DatabasePlace, login: DatabaseLogin): Promise<void> {
    const patientUntil = performance.now() + usuallyDropsWithinMs;
    let pauseMs = firstPauseMs;
    for (;;) {
      const trial = await tryLogin(place, login);
      const isEarly = trial === 'works' && performance.now() < patientUntil;
      if (!isEarly && !(await sessions.tried(given.session, { name, trial, at: clock() }))) return;
      if (trial !== 'works' || given.isOver()) return;
      await sleep(isEarly ? pauseMs : laterPauseMs);
      pauseMs *= 2;
    }
  }

  await Promise.all(
    given.credentials.map(async ({ as, secret }) => {
      const place = trialPlace(given.egresses, as);
      if (place !== null && secret.kind === 'database') await tryOne(as, place, secret);
    }),
  );
}
