/**
 * A delivery is a saga: every step is recorded, in a committed transaction, before its effect. Whoever finds a delivery
 * whose owner died knows from the rows alone what may exist in the world and how the delivery ends.
 *
 * Nothing here resumes a delivery. After a crash the watchdog destroys what may be left and ends it; domain/repeat.ts says
 * when another takes its place, and otherwise a person decides whether to ask again.
 */
import { credentialMarginSeconds } from '@airlock/common/policy/target-credentials';

/**
 * Where a running delivery is, as pages show it. Within `session` the Vault session's own state says more.
 *
 * intent: claimed, waits until the ledger has published that · session: a login was asked for and may exist ·
 * credential: a credential is held · hook: the hook may have begun · revoke: it is over, what it held is being destroyed.
 */
export const deliverySteps = [
  'intent',
  'session',
  'credential',
  'hook',
  'revoke',
  'finished',
] as const;
export type DeliveryStep = (typeof deliverySteps)[number];

/** Any step may go to `revoke` (a failure on the way), `revoke` only to `finished`, the others only to the next one. */
export function mayFollow(from: DeliveryStep, to: DeliveryStep): boolean {
  if (to === 'revoke') return from !== 'revoke' && from !== 'finished';
  // Before a session exists there is nothing to revoke.
  if (to === 'finished') return from === 'revoke' || from === 'intent';
  return deliverySteps.indexOf(to) === deliverySteps.indexOf(from) + 1;
}

export type SessionState = 'INTENT' | 'TOKEN' | 'LEASED' | 'REVOKING' | 'REVOKE_PENDING' | 'CLEAN';

const sessionMoves: Readonly<Record<SessionState, readonly SessionState[]>> = {
  INTENT: ['TOKEN', 'REVOKING'],
  TOKEN: ['LEASED', 'REVOKING'],
  // Once for each credential after the first.
  LEASED: ['LEASED', 'REVOKING'],
  REVOKING: ['REVOKE_PENDING', 'CLEAN'],
  REVOKE_PENDING: ['REVOKING', 'CLEAN'],
  CLEAN: [],
};

/** Whether a Vault session may change so. CLEAN is final and is reached only through a revocation that was proven. */
export function sessionMayMove(from: SessionState, to: SessionState): boolean {
  return sessionMoves[from].includes(to);
}

export type DeliveryOutcome =
  | { readonly state: 'succeeded'; readonly reason: null }
  | { readonly state: 'failed' | 'indeterminate'; readonly reason: string };

/**
 * Whether a release is seen to be well before it is called live. `due` until that is known, `failed` until the release
 * before it is back, which is `returned`.
 */
export const verifications = ['due', 'passed', 'failed', 'returned'] as const;
export type Verification = (typeof verifications)[number];

/** What is recorded of a delivery's hooks; the first three are null until they happened. */
export type HookRecord = {
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
  /** Null also when the hook ended without an exit code (a signal, or stopped by the deliverer). */
  readonly exit: number | null;
  /** Null where the target file asks for none. */
  readonly verification: Verification | null;
  /** It takes the place of one whose hook may have run. Default false. */
  readonly isRepeat?: boolean;
};

/**
 * How a delivery ends whose deliverer is gone. Production's state is called unknown exactly when a hook was started and
 * its end is not recorded.
 */
export function interruptedOutcome(hook: HookRecord): DeliveryOutcome {
  if (hook.startedAt === null && hook.isRepeat === true) {
    return {
      state: 'indeterminate',
      reason:
        'the delivery before it was interrupted while the hook ran, and so was this one, before it ran again; check what runs in production',
    };
  }
  if (hook.startedAt === null) {
    return {
      state: 'failed',
      reason: 'interrupted before the hook; production unchanged',
    };
  }
  if (hook.verification === 'returned') {
    return {
      state: 'failed',
      reason: 'its verification failed; the release that was live before was put back',
    };
  }
  if (hook.verification === 'failed') {
    return {
      state: 'indeterminate',
      reason:
        'its verification failed, and the release before it was not seen to be back; check what runs in production',
    };
  }
  if (hook.finishedAt === null) {
    return {
      state: 'indeterminate',
      reason: 'interrupted while the hook ran; check what runs in production',
    };
  }
  if (hook.exit === 0 && hook.verification === 'due') {
    return {
      state: 'indeterminate',
      reason:
        'interrupted before its verification ended; production has this release, check that it is well',
    };
  }
  return recordedOutcome(hook.exit);
}

/** How a delivery ends whose hook did not end with 0 in one of several waves; `number` counts from 1. */
export function waveOutcome(
  wave: { readonly number: number; readonly of: number; readonly share: string },
  exit: number | null,
): DeliveryOutcome {
  if (wave.number === 1) return recordedOutcome(exit);
  const before = wave.number === 2 ? 'wave 1 has' : `waves 1 to ${wave.number - 1} have`;
  return {
    state: exit === null ? 'indeterminate' : 'failed',
    reason: `wave ${wave.number} of ${wave.of} (${wave.share}) ${exit === null ? 'was stopped before it ended' : `failed (exit ${exit})`}; ${before} this release, so that two run in production`,
  };
}

/** How a delivery ends by the exit that was recorded of its hook: 0 done, another code failed, none unknown. */
export function recordedOutcome(exit: number | null): DeliveryOutcome {
  if (exit === null) {
    return {
      state: 'indeterminate',
      reason: 'the hook was stopped before it ended; check what runs in production',
    };
  }
  if (exit === 0) return { state: 'succeeded', reason: null };
  if (exit === 75) {
    return {
      state: 'failed',
      reason: 'the hook asked to be run again later (exit 75); ask for the promotion again',
    };
  }
  return { state: 'failed', reason: `the hook failed (exit ${exit}); its log says why` };
}

/**
 * Longest time the hook may run, in seconds: the target's own limit, and never nearer than 30 s to the end of the token
 * or of a credential. Null when that leaves nothing.
 */
export function hookLimitSeconds(lives: {
  readonly timeoutSeconds: number;
  readonly tokenSeconds: number;
  /** Of each credential that ends by itself. */
  readonly credentialSeconds: readonly number[];
}): number | null {
  const limit = Math.min(
    lives.timeoutSeconds,
    Math.min(lives.tokenSeconds, ...lives.credentialSeconds) - credentialMarginSeconds,
  );
  return limit >= 1 ? limit : null;
}

/** What the world and the rows hold when the deliverer dies at a failpoint, and how the watchdog must end it. */
export type CrashState = {
  readonly session: SessionState | null;
  /** A token, and from the credential on a database role, may be alive at Vault until the watchdog has passed. */
  readonly alive: 'nothing' | 'login' | 'token' | 'credential';
  readonly end: DeliveryOutcome['state'];
};

/**
 * Every place where the deliverer passes `failpoint(name)`, in order, with what dying there leaves. The crash tests walk
 * this table; `docs/delivery-cycle.md` prints it.
 */
export const crashStates = {
  'delivery-claimed': { session: null, alive: 'nothing', end: 'failed' },
  'intent-published': { session: null, alive: 'nothing', end: 'failed' },
  'session-intent': { session: 'INTENT', alive: 'nothing', end: 'failed' },
  // The signature exists, so whoever holds it can log in until it expires.
  'login-minted': { session: 'INTENT', alive: 'login', end: 'failed' },
  'logged-in': { session: 'INTENT', alive: 'token', end: 'failed' },
  'token-persisted': { session: 'TOKEN', alive: 'token', end: 'failed' },
  'credential-read': { session: 'TOKEN', alive: 'credential', end: 'failed' },
  'lease-persisted': { session: 'LEASED', alive: 'credential', end: 'failed' },
  'hook-recorded': { session: 'LEASED', alive: 'credential', end: 'indeterminate' },
  'hook-running': { session: 'LEASED', alive: 'credential', end: 'indeterminate' },
  'hook-finished': { session: 'LEASED', alive: 'credential', end: 'succeeded' },
  revoking: { session: 'REVOKING', alive: 'credential', end: 'succeeded' },
  'lease-revoked': { session: 'REVOKING', alive: 'nothing', end: 'succeeded' },
  'session-clean': { session: 'CLEAN', alive: 'nothing', end: 'succeeded' },
} as const satisfies Readonly<Record<string, CrashState>>;

export type DeliveryFailpoint = keyof typeof crashStates;

/**
 * The same of the stages that not every delivery has: waves and the pause between them, the looks of the verification, the return
 * to the release before. After a wave that was not the last the hook counts as running.
 */
export const stageCrashStates = {
  'wave-told': { session: 'LEASED', alive: 'credential', end: 'indeterminate' },
  'wave-paused': { session: 'LEASED', alive: 'credential', end: 'indeterminate' },
  'verify-looked': { session: 'LEASED', alive: 'credential', end: 'indeterminate' },
  'verify-told': { session: 'LEASED', alive: 'credential', end: 'succeeded' },
  'return-told': { session: 'LEASED', alive: 'credential', end: 'indeterminate' },
  'return-done': { session: 'LEASED', alive: 'credential', end: 'failed' },
} as const satisfies Readonly<Record<string, CrashState>>;

export type StageFailpoint = keyof typeof stageCrashStates;

/**
 * The same where a delivery is announced, before there is one: with its entry recorded and not committed, and with both. Whoever
 * looks next goes on from what the ledger has, and begins so long after the one announcement.
 */
export const announceFailpoints = ['announcing', 'announced'] as const;
export type AnnounceFailpoint = (typeof announceFailpoints)[number];

/**
 * Every place where the watchdog passes `failpoint(name)` for one session, in order. Whichever it dies at, the pass of the next
 * watchdog ends the same session the same way.
 */
export const reapFailpoints = [
  'reap-begun',
  'reap-fenced',
  'reap-login-used-up',
  'reap-revoked',
  'reap-clean',
  'reap-ended',
] as const;
export type ReapFailpoint = (typeof reapFailpoints)[number];
