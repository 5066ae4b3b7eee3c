/**
 * Vault lets one JWT in as often as it is shown, until it ends. A session is clean as soon as nothing of it is left, which is
 * sooner; so once its login has ended, Vault is asked again whether somebody used it after that.
 */
import { hasLease } from '@airlock/common/policy/target-credentials';
import { eachInTurn } from './each-in-turn.ts';
import type { VaultSession, VaultSessionStore } from './ports.ts';
import type { RevocationRequest, VaultReaper } from './vault-ports.ts';

/** How far back a watchdog looks that has just started. */
const lookBackMs = 3_600_000;

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
  sessions: Pick<VaultSessionStore, 'cleanWithLoginEnded' | 'ofTarget'>;
  reaper: VaultReaper;
  /** As for the reaper. */
  loginSkewSeconds: number;
  onEvent: (event: LateLogin) => void;
  clock: () => Date;
}): { pass(): Promise<void> } {
  const { sessions, reaper, onEvent, clock } = dependencies;
  let lookedUpTo = new Date(clock().getTime() - lookBackMs);

  async function look(session: VaultSession): Promise<void> {
    // A later session on the target is swept by itself, and must not lose its token here.
    if ((await sessions.ofTarget(session.target))?.id !== session.id) return;
    const request = sweepOf(session);
    const { tokens, leases } = await reaper.look(request);
    if (tokens === 0 && leases === 0) return;
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
      await eachInTurn(ended, look);
      lookedUpTo = until;
    },
  };
}

function sweepOf({ jwtMount, credentials }: VaultSession): RevocationRequest {
  return {
    accessor: null,
    leaseIds: [],
    jwtMount,
    leasePrefixes: credentials.flatMap(({ kind, path }) => (hasLease(kind) ? [path] : [])),
  };
}
