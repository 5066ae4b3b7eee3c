/**
 * Destroys what a delivery left at Vault, and ends the deliveries whose deliverer is gone.
 *
 * A session in REVOKING or REVOKE_PENDING is revoked at once: its deliverer asked for it and waits for the proof. Any other
 * session is taken away from its delivery only when that has not been heard of for `staleSeconds`, or has not done what a stop
 * asks in time. The fence moves first, so
 * that a deliverer that was only slow finds out with its next write and stops.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { hasLease } from '@airlock/common/policy/target-credentials';
import {
  interruptedOutcome,
  type DeliveryOutcome,
  type ReapFailpoint,
} from '../domain/delivery.ts';
import type { Promotion, PromotionState } from '../domain/promotion.ts';
import { repeatIsDue } from '../domain/repeat.ts';
import type { Delivery, DeliveryStore } from './delivery-ports.ts';
import type { Recorder } from './ledger-ports.ts';
import { StoreError, type Transactor } from './ports.ts';
import type { PromotionStore } from './promotion-ports.ts';
import type { SessionCredential, VaultSession, VaultSessionStore } from './vault-session-ports.ts';
import { pauseAfter } from '../domain/patience.ts';
import { eachInTurn } from './each-in-turn.ts';
import type { OverdueStop } from './overdue-stops.ts';
import type { VaultReaper } from './vault-ports.ts';

/** How long the watchdog waits for a deliverer to try a login that it has revoked. */
const trialWithinMs = 1_500;
const trialPollMs = 10;
/** Vault lets a Postgres role live this much longer than its lease. */
const validUntilMarginMs = 5_000;
/** A delivery whose credential cannot be revoked is ended all the same; the target stays held by the session. */
const endWithoutProofSeconds = 60;

export type ReapDependencies = {
  transactor: Transactor;
  sessions: Pick<
    VaultSessionStore,
    | 'find'
    | 'unclean'
    | 'uncleanOn'
    | 'fenceOff'
    | 'revokeFailed'
    | 'clean'
    | 'minted'
    | 'recordMint'
  >;
  deliveries: Pick<DeliveryStore, 'find' | 'running' | 'takeOver' | 'finish' | 'appendLog'>;
  promotions: Pick<PromotionStore, 'lock' | 'setState' | 'setLive'>;
  recorder: Recorder;
  reaper: Pick<VaultReaper, 'revokeSession'>;
  /** Asked of deliveries that are heard of. */
  stopOverdue: OverdueStop;
  /** How long a delivery may be silent before it counts as abandoned, in seconds. */
  staleSeconds: number;
  onEvent: (event: ReapEvent) => void;
  /** How long after its expiry a login may still be taken: what Vault allows, and what its clock may be behind. In seconds. */
  loginSkewSeconds: number;
  failpoint: (name: ReapFailpoint) => void;
  clock: () => Date;
  /** At least 0 and below 1. */
  random: () => number;
};

export type ReapEvent =
  | { readonly name: 'session-fenced-off'; readonly sessionId: string; readonly deliveryId: string }
  | { readonly name: 'session-clean'; readonly sessionId: string; readonly target: string }
  | {
      readonly name: 'revocation-failed';
      readonly sessionId: string;
      readonly target: string;
      readonly attempts: number;
      /** Since the first attempt that this watchdog saw fail. */
      readonly pendingMs: number;
      readonly error: string;
    }
  | {
      readonly name: 'delivery-ended';
      readonly deliveryId: string;
      readonly target: string;
      readonly outcome: DeliveryOutcome['state'];
    };

export type Reaper = { pass(): Promise<void> };

export function createReaper(dependencies: ReapDependencies): Reaper {
  const { transactor, sessions, deliveries, promotions, recorder, onEvent, failpoint, clock } =
    dependencies;
  const owner = 'watchdog';
  const nextTry = new Map<string, { at: number; attempts: number; since: number }>();
  /** Sessions of which Vault was seen to list something, or could not be asked, and since when it was seen to list nothing. */
  const seenUnclean = new Map<string, { cleanSince: Date | null }>();

  function isStale(delivery: Delivery, now: Date): boolean {
    return now.getTime() - delivery.heartbeatAt.getTime() > dependencies.staleSeconds * 1000;
  }

  async function passSession(session: VaultSession): Promise<void> {
    const delivery = await deliveries.find(session.deliveryId);
    const asked = session.state === 'REVOKING' || session.state === 'REVOKE_PENDING';
    if (asked) return revoke(session);
    const abandoned =
      delivery === null ||
      delivery.state !== 'running' ||
      isStale(delivery, clock()) ||
      (await dependencies.stopOverdue(session));
    if (!abandoned) return;
    failpoint('reap-begun');
    const fenced = await fenceOff(session, delivery);
    if (fenced === null) return;
    failpoint('reap-fenced');
    await revoke(fenced);
  }

  /** Null when the delivery moved meanwhile: then it is looked at again in the next pass. */
  async function fenceOff(
    session: VaultSession,
    delivery: Delivery | null,
  ): Promise<VaultSession | null> {
    const fence = await transactor.transaction(async (tx) => {
      let next = session.fence + 1;
      if (delivery?.state === 'running') {
        const taken = await deliveries.takeOver(tx, delivery, owner);
        if (taken === null) return null;
        next = taken.fence;
      }
      return (await sessions.fenceOff(tx, session, next)) ? next : null;
    });
    if (fence === null) return null;
    onEvent({
      name: 'session-fenced-off',
      sessionId: session.id,
      deliveryId: session.deliveryId,
    });
    return { ...session, state: 'REVOKING', fence };
  }

  async function revoke(session: VaultSession): Promise<void> {
    const now = clock();
    const wait = nextTry.get(session.id);
    if (wait !== undefined && wait.at > now.getTime()) return;
    const loginPossibleUntil = await useUpLogin(session, now);
    failpoint('reap-login-used-up');
    const result = await dependencies.reaper.revokeSession({
      accessor: session.accessor,
      leaseIds: session.credentials.flatMap(({ leaseId }) => leaseId ?? []),
      jwtMount: session.jwtMount,
      leasePrefixes: session.credentials.flatMap(({ kind, path }) =>
        hasLease(kind) ? [path] : [],
      ),
    });
    failpoint('reap-revoked');
    // Asked again after the sweep: a login made between the two would have been missed.
    const loginPossible = loginPossibleUntil !== null && clock() <= loginPossibleUntil;
    noteProof(session, result.clean);
    if (!result.clean || loginPossible) {
      const error = result.clean
        ? `its login can be used until ${loginPossibleUntil?.toISOString() ?? ''}; swept until then`
        : (result.error ?? `${result.remaining.leases ?? 'unknown'} leases are left`);
      await retryLater(session, error, {
        now,
        // What is clean but for its login is asked again right when that ends.
        latest: result.clean ? loginPossibleUntil : null,
        retryAfterSeconds: result.retryAfterSeconds ?? null,
      });
      return;
    }
    const tried = await afterTrial(session);
    const working = tried.credentials.find(
      (credential) => stillWorks(session, credential) && isLater(credential.diesAt, clock()),
    );
    if (working !== undefined) {
      const error = `${working.holder ?? working.name} could still log in at the target at ${working.triedAt?.toISOString() ?? ''}, and Vault lists nothing of it; drop that role in the target's database and look at the revocation statements of ${working.path}; it ends by itself at ${working.diesAt?.toISOString() ?? 'no time'}`;
      await retryLater(session, error, { now, latest: null, retryAfterSeconds: null });
      return;
    }
    nextTry.delete(session.id);
    seenUnclean.delete(session.id);
    await recordClean(tried);
    failpoint('reap-clean');
  }

  function noteProof({ id }: VaultSession, isClean: boolean): void {
    if (!isClean) seenUnclean.set(id, { cleanSince: null });
    const seen = seenUnclean.get(id);
    if (isClean && seen?.cleanSince === null) seen.cleanSince = clock();
  }

  /** A login that worked while Vault had not revoked it yet says nothing about the time after. */
  function stillWorks({ id }: VaultSession, { trial, triedAt }: SessionCredential): boolean {
    if (trial !== 'works') return false;
    const cleanSince = seenUnclean.get(id)?.cleanSince ?? null;
    return cleanSince === null || (triedAt !== null && triedAt >= cleanSince);
  }

  /** The session as it is once its deliverer has tried the logins that it can try; a deliverer that is gone tries none. */
  async function afterTrial(session: VaultSession): Promise<VaultSession> {
    const until = performance.now() + trialWithinMs;
    for (;;) {
      const found = (await sessions.find(session.id)) ?? session;
      const isDue = found.credentials.some(
        (credential) =>
          credential.issuedAt !== null &&
          (credential.trial === 'due' ||
            (credential.trial === 'works' && !stillWorks(session, credential))),
      );
      if (!isDue || performance.now() > until) return found;
      const delivery = await deliveries.find(session.deliveryId);
      const isAtWork =
        delivery?.state === 'running' && delivery.owner !== owner && !isStale(delivery, clock());
      if (!isAtWork) return found;
      await sleep(trialPollMs);
    }
  }

  /**
   * Until when somebody could still log in for this session; null when nobody can. A session whose accessor is known has had
   * its login: the sweep by prefix finds also what a second use of the same JWT would have opened. Where none was minted, the
   * session's one login is used up here, so that none can be minted from now on.
   */
  async function useUpLogin(session: VaultSession, now: Date): Promise<Date | null> {
    if (session.accessor !== null) return null;
    try {
      await transactor.transaction((tx) =>
        sessions.recordMint(tx, {
          sessionId: session.id,
          deliveryId: session.deliveryId,
          mintedAt: now,
          expiresAt: now,
        }),
      );
      return null;
    } catch (cause) {
      if (!(cause instanceof StoreError) || cause.code !== 'already-minted') throw cause;
    }
    const minted = await sessions.minted(session.id);
    const expiresAt = minted?.expiresAt ?? session.jwtExpiresAt;
    return new Date(expiresAt.getTime() + dependencies.loginSkewSeconds * 1000);
  }

  async function retryLater(
    session: VaultSession,
    error: string,
    wait: {
      now: Date;
      latest: Date | null;
      retryAfterSeconds: number | null;
    },
  ): Promise<void> {
    const now = wait.now.getTime();
    const earlier = nextTry.get(session.id) ?? { attempts: 0, since: now };
    const attempts = earlier.attempts + 1;
    const pause = pauseAfter({
      failures: attempts,
      random: dependencies.random(),
      retryAfterSeconds: wait.retryAfterSeconds,
    });
    const at = Math.min(now + pause, wait.latest === null ? Infinity : wait.latest.getTime() + 1);
    nextTry.set(session.id, { at, attempts, since: earlier.since });
    await sessions.revokeFailed(session.id, error);
    onEvent({
      name: 'revocation-failed',
      sessionId: session.id,
      target: session.target,
      attempts,
      pendingMs: now - earlier.since,
      error,
    });
  }

  async function recordClean(session: VaultSession): Promise<void> {
    const at = clock();
    const isNew = await transactor.transaction(async (tx) => {
      const promotion = await promotionOf(session);
      const changed = await sessions.clean(tx, session.id, at);
      if (!changed || promotion === null) return changed;
      await recorder.record(tx, {
        type: 'credential.revoked',
        at,
        actor: owner,
        subjectDigest: promotion.promotionDigest,
        refs: {
          session: session.id,
          delivery: session.deliveryId,
          target: session.target,
          ...outlivedBy(session),
          ...refusedOf(session),
        },
      });
      return changed;

      async function promotionOf({ deliveryId }: VaultSession): Promise<Promotion | null> {
        const delivery = await deliveries.find(deliveryId);
        return delivery === null ? null : promotions.lock(tx, delivery.promotionId);
      }
    });
    if (isNew) {
      onEvent({ name: 'session-clean', sessionId: session.id, target: session.target });
    }
  }

  /** Ends a delivery that nobody runs any more, once its credential is proven gone or that has taken too long. */
  async function passDelivery(delivery: Delivery): Promise<void> {
    const now = clock();
    if (!isStale(delivery, now)) return;
    const session = await sessions.uncleanOn(delivery.target);
    const silentMs = now.getTime() - delivery.heartbeatAt.getTime();
    const limitMs = (dependencies.staleSeconds + endWithoutProofSeconds) * 1000;
    if (session?.deliveryId === delivery.id && silentMs <= limitMs) return;
    const hook = {
      startedAt: delivery.hookStartedAt,
      finishedAt: delivery.hookFinishedAt,
      exit: delivery.hookExit,
      verification: delivery.verification,
      isRepeat: delivery.repeats !== null,
    };
    const outcome = interruptedOutcome(hook);
    const isRepeated = repeatIsDue({ ...hook, kind: delivery.hookKind });
    const ended = await transactor.transaction(async (tx) => {
      // The same order of locks as everywhere: promotion first.
      const promotion = await promotions.lock(tx, delivery.promotionId);
      if (promotion === null) return false;
      const taken = await deliveries.takeOver(tx, delivery, owner);
      if (taken === null) return false;
      await deliveries.finish(tx, taken, { ...outcome, at: now });
      // Until the deliverer has made it once more, or has given that up, nobody else is to decide on it.
      if (!isRepeated) {
        await promotions.setState(tx, {
          id: promotion.id,
          from: 'delivering',
          to: promotionStateOf(outcome),
          reason: outcome.reason,
          at: now,
        });
      }
      if (outcome.state === 'succeeded') {
        await promotions.setLive(tx, {
          target: promotion.target,
          promotionId: promotion.id,
          deliveryId: delivery.id,
          release: promotion.release,
          artifactDigest: promotion.artifactDigest,
          commit: promotion.commit,
          mainPosition: promotion.mainPosition,
          since: now,
        });
      }
      await recorder.record(tx, {
        type: 'delivery.finished',
        at: now,
        actor: owner,
        subjectDigest: promotion.promotionDigest,
        refs: {
          delivery: delivery.id,
          promotion: promotion.id,
          target: delivery.target,
          state: outcome.state,
          ...(isRepeated ? { repeat: 'due' } : {}),
        },
      });
      return true;
    });
    if (!ended) return;
    failpoint('reap-ended');
    const line = `ended by the watchdog: ${outcome.reason ?? 'the hook had succeeded'}${isRepeated ? `; its hook is ${delivery.hookKind ?? ''}, so that it is made once more` : ''}`;
    await deliveries.appendLog(delivery.id, [{ at: now, stream: 'gate', line }]);
    onEvent({
      name: 'delivery-ended',
      deliveryId: delivery.id,
      target: delivery.target,
      outcome: outcome.state,
    });
  }

  return {
    async pass() {
      const work = [
        ...(await sessions.unclean()).map((session) => () => passSession(session)),
        // Looked up when its turn comes: what the sessions before it changed counts.
        async () => eachInTurn(await deliveries.running(), passDelivery),
      ];
      // One that cannot be ended must not keep the credentials of the others alive.
      await eachInTurn(work, (step) => step());
    },
  };
}

/** What ends at no time ends later than any. */
function isLater(end: Date | null, now: Date): boolean {
  return end === null || end.getTime() + validUntilMarginMs > now.getTime();
}

function promotionStateOf(outcome: DeliveryOutcome): PromotionState {
  return outcome.state === 'succeeded' ? 'live' : outcome.state;
}

/** What goes on to exist although the session is clean: the target file accepted that. */
function outlivedBy({ credentials }: VaultSession): { outlives?: string } {
  const names = credentials
    .filter(({ ending, issuedAt }) => ending !== 'revocable' && issuedAt !== null)
    .map(({ name }) => name);
  return names.length === 0 ? {} : { outlives: names.join(',') };
}

/** Logins that the target itself was seen to refuse. */
function refusedOf({ credentials }: VaultSession): { refused?: string } {
  const names = credentials.filter(({ trial }) => trial === 'refused').map(({ name }) => name);
  return names.length === 0 ? {} : { refused: names.join(',') };
}
