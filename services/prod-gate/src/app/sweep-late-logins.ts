/**
 * What can still come of a session that is clean. Vault lets one JWT in as often as it is shown, until it ends; and it answers
 * a read that was under way when its token was revoked, with a lease that nothing listed before. So Vault is asked again once
 * the login has ended, and once no read can be under way any more.
 */
import { hasLease } from '@airlock/common/policy/target-credentials';
import { eachInTurn } from './each-in-turn.ts';
import type { VaultSession, VaultSessionStore } from './vault-session-ports.ts';
import type { RevocationRequest, VaultReaper } from './vault-ports.ts';

/** How far back a watchdog looks that has just started. */
const lookBackMs = 3_600_000;
/** Vault ends a request of its own after 90 s (`default_max_request_duration`). */
const longestReadMs = 95_000;

export type LateLogin = {
  readonly name: 'late-login';
  readonly sessionId: string;
  readonly target: string;
  readonly tokens: number;
  readonly leases: number;
};

/**
 * @param dependencies.onEvent told what was found, before it is revoked: somebody has a login that only the deliverer had.
 * @returns a pass; it throws when Vault could not be asked, and then looks at the same sessions again.
 */
export function createLateLoginSweep(dependencies: {
  sessions: Pick<VaultSessionStore, 'cleanWithLoginEnded' | 'cleanedBetween' | 'uncleanOn'>;
  reaper: VaultReaper;
  /** As for the reaper. */
  loginSkewSeconds: number;
  onEvent: (event: LateLogin) => void;
  clock: () => Date;
}): { pass(): Promise<void> } {
  const { sessions, reaper, onEvent, clock } = dependencies;
  let lookedUpTo = new Date(clock().getTime() - lookBackMs);
  /** By what is swept: one of each, and those that wait because their target had another session when they were due. */
  const due = new Map<string, VaultSession>();

  /** A session that lives must not lose its token here. What a row says of a later one that is over is nobody's proof. */
  const isBusy = async ({ target }: VaultSession): Promise<boolean> =>
    (await sessions.uncleanOn(target)) !== null;

  async function look(session: VaultSession): Promise<void> {
    if (await isBusy(session)) return;
    const request = sweepOf(session);
    const { tokens, leases } = await reaper.look(request);
    // What was counted may be of a session that began meanwhile.
    if (tokens + leases > 0 && (await isBusy(session))) return;
    if (tokens + leases > 0) await end(session, request, { tokens, leases });
    due.delete(placesOf(session));
  }

  async function end(
    session: VaultSession,
    request: RevocationRequest,
    { tokens, leases }: { tokens: number; leases: number },
  ): Promise<void> {
    onEvent({ name: 'late-login', sessionId: session.id, target: session.target, tokens, leases });
    const result = await reaper.revokeSession(request);
    if (!result.clean) {
      throw new Error(
        `what a second use of the login of session ${session.id} opened is not gone: ${result.error ?? 'leases are left'}`,
      );
    }
  }

  return {
    async pass() {
      const until = new Date(clock().getTime() - dependencies.loginSkewSeconds * 1000);
      const ended = await sessions.cleanWithLoginEnded({ after: lookedUpTo, until });
      const answered = await sessions.cleanedBetween({
        after: new Date(lookedUpTo.getTime() - longestReadMs),
        until: new Date(until.getTime() - longestReadMs),
      });
      for (const session of [...ended, ...answered]) due.set(placesOf(session), session);
      await eachInTurn([...due.values()], look);
      lookedUpTo = until;
    },
  };
}

function placesOf(session: VaultSession): string {
  return JSON.stringify([session.target, sweepOf(session)]);
}

function sweepOf({ jwtMount, credentials }: VaultSession): RevocationRequest {
  return {
    accessor: null,
    leaseIds: [],
    jwtMount,
    leasePrefixes: credentials.flatMap(({ kind, path }) => (hasLease(kind) ? [path] : [])),
  };
}
