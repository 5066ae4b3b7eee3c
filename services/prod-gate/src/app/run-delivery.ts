/**
 * The delivery itself, from the claim to the proof that nothing of its credential is left. Read it from top to bottom: it
 * is the order of events, and what is committed before what.
 *
 *   claimed → intent published, hook and artifact checked → session INTENT → login minted → logged in → TOKEN →
 *   credential read → LEASED → hook recorded → waves → hook's end recorded → verification, return → REVOKING → revoked →
 *   CLEAN → finished
 *
 * Every network call stands behind a committed row that says it may have happened. Every row is written under the
 * delivery's fence; one that hits nothing means that the watchdog has taken over, and then the token is revoked and
 * nothing more is written. Every way out of a session goes through revocation.
 *
 * `failpoint(name)` marks the fourteen places of domain/delivery.ts where a test kills this process, and those of the stages.
 */
import { formatId } from '@airlock/common/ids';
import { errorCode } from '@airlock/process/log';
import {
  hookLimitSeconds,
  interruptedOutcome,
  type DeliveryOutcome,
  type HookRecord,
  type Verification,
} from '../domain/delivery.ts';
import { plannedCredentials } from '../domain/planned-credentials.ts';
import { asError } from './as-error.ts';
import { DeliveryFault } from './delivery-fault.ts';
import type { Fenced, HookEnd } from './delivery-ports.ts';
import { isTakenOver, mine, openSaga, reasonOf, type RunDependencies } from './delivery-saga.ts';
import { runStages, type PreparedHooks } from './delivery-stages.ts';
import { finishDelivery } from './finish-delivery.ts';
import { holdCredentials, type Held } from './hold-credentials.ts';
import {
  intentPublished,
  prepareHooks,
  tellPrepared,
  vaultReady,
  type HookPreparation,
} from './prepare-delivery.ts';
import { revoke, revokeToken } from './revoke-credentials.ts';
import type { StartedDelivery } from './start-delivery.ts';
import { trialPlace } from './try-logins.ts';

/** The hook was recorded as started, and what is thrown says that not one instruction of it ran. */
const neverBegan: ReadonlySet<string> = new Set(['hook-sandbox', 'hook-egress', 'E_TOCTOU_DIGEST']);

/**
 * Carries a claimed delivery to its end.
 *
 * @param signal stops the hook and ends the delivery; revocation is still done.
 * @returns null when the watchdog took the delivery over: it ends it.
 */
export async function runDelivery(
  dependencies: RunDependencies,
  started: StartedDelivery,
  signal: AbortSignal,
): Promise<DeliveryOutcome | null> {
  const saga = openSaga(dependencies, started, signal);
  const { book, heart, transaction, record, untilStored, note } = saga;
  const { deliveries, sessions, failpoint, log, clock, times } = dependencies;
  const { delivery, promotion, policy, isRepeat } = started;
  log.info('delivery.started', {
    deliveryId: delivery.id,
    promotionId: promotion.id,
    target: promotion.target,
    release: promotion.release,
  });

  try {
    failpoint('delivery-claimed');
    if (dependencies.hooks.isolation === 'none') {
      book.write(
        'gate',
        "WITHOUT ISOLATION: the hook of this delivery runs as an ordinary process of the deliverer's user, with everything that it may do (hooks.isolation: none)",
      );
    }
    book.write(
      'gate',
      `delivery ${delivery.id} of ${promotion.release} to ${promotion.target} claimed`,
    );
    if (isRepeat) {
      book.write(
        'gate',
        'the delivery before it was interrupted while the hook ran, and its credentials are gone',
      );
    }
    const outcome = await beforeTheSession();
    await finishDelivery(saga, outcome);
    return outcome;
  } catch (cause) {
    if (cause instanceof DeliveryFault && cause.code === 'delivery-taken-over') {
      log.warn('delivery.taken-over', { deliveryId: delivery.id });
      return null;
    }
    throw cause;
  } finally {
    heart.stop();
    await book.end();
  }

  /** Nothing exists yet that would have to be revoked. */
  async function beforeTheSession(): Promise<DeliveryOutcome> {
    let hooks: PreparedHooks;
    const prepared: HookPreparation = [];
    // Before any credential exists: a changed hook or artifact is refused without one. Copying them has no effect outside this
    // process's own directory, so it does not wait for the ledger.
    const preparing = prepareHooks(saga, prepared);
    const settled = preparing.then(
      () => {},
      () => {},
    );
    try {
      try {
        await intentPublished(saga);
        failpoint('intent-published');
        book.write('gate', 'the intent to deliver is in a signed checkpoint');
        await heart.beforeStep();
        hooks = await preparing;
        tellPrepared(saga, hooks);
        await vaultReady(saga);
      } catch (cause) {
        return failureBeforeHook(cause);
      }
      return await underSession(hooks);
    } finally {
      await settled;
      for (const hook of prepared) await hook.dispose();
    }
  }

  /** From the first row of the session on, every way out is through `revoke`. */
  async function underSession(hooks: PreparedHooks): Promise<DeliveryOutcome> {
    const session: Fenced = {
      id: formatId('vse', dependencies.randomBytes(10)),
      fence: delivery.fence,
    };
    const { vault } = policy.credentials;
    try {
      await transaction(async (tx) => {
        mine(await deliveries.setStep(tx, delivery, 'session'));
        const now = clock();
        await sessions.insertIntent(tx, {
          id: session.id,
          deliveryId: delivery.id,
          target: promotion.target,
          fence: session.fence,
          jwtMount: vault.jwtMount,
          credentials: plannedCredentials(vault.reads).map((planned) => ({
            ...planned,
            ...(trialPlace(policy.deliver.egress, planned.name) === null
              ? {}
              : { trial: 'due' as const }),
          })),
          jwtExpiresAt: new Date(now.getTime() + times.loginSeconds * 1000),
          deadline: new Date(now.getTime() + (vault.ttl + times.loginSeconds + 60) * 1000),
          at: now,
        });
      });
    } catch (cause) {
      return failureBeforeHook(cause);
    }
    failpoint('session-intent');

    const verification = policy.verify === undefined ? null : 'due';
    const held: Held = {
      ...{ token: null, credentials: [], aRunEnded: false },
      hook: { startedAt: null, finishedAt: null, exit: null, verification, isRepeat },
    };
    let outcome: DeliveryOutcome;
    try {
      outcome = await withCredential(session, hooks, held);
    } catch (cause) {
      // Also when it was taken over: what this process holds is revoked by this process.
      if (isTakenOver(cause)) {
        await revokeToken(saga, held.token);
        throw cause;
      }
      outcome =
        held.hook.startedAt === null ||
        (!held.aRunEnded && neverBegan.has(errorCode(asError(cause))))
          ? failureBeforeHook(cause)
          : failureDuringHook(cause, held.hook);
    }
    await revoke(saga, session, held, signal);
    return outcome;
  }

  async function withCredential(
    session: Fenced,
    hooks: PreparedHooks,
    held: Held,
  ): Promise<DeliveryOutcome> {
    const { token, tokenAt } = await holdCredentials(saga, session, held);
    const { credentials } = held;

    const limitOf = (timeoutSeconds: number): number => {
      const lives = credentials.flatMap(({ seconds }) => seconds ?? []);
      // The first run has what was given, the later ones what is left of it.
      const gone = held.aRunEnded ? Math.ceil((performance.now() - tokenAt) / 1000) : 0;
      const limit = hookLimitSeconds({
        timeoutSeconds,
        tokenSeconds: token.ttlSeconds - gone,
        credentialSeconds: lives.map((seconds) => seconds - gone),
      });
      if (limit !== null) return limit;
      throw new DeliveryFault(
        'credential-too-short',
        `Vault gave ${Math.min(token.ttlSeconds, ...lives)} s, which leaves no time for the hook; raise the role's ttl`,
      );
    };
    const limitSeconds = limitOf(policy.deliver.timeout);
    await heart.beforeStep();
    const hookStartedAt = clock();
    const { kind } = hooks.deliver;
    await transaction(async (tx) => {
      mine(await deliveries.setStep(tx, delivery, 'hook'));
      mine(await deliveries.hookStarted(tx, delivery, { at: hookStartedAt, kind }));
      await record(tx, hookStartedAt, 'hook.started', {
        kind,
        hook: promotion.hook,
        artifact: promotion.artifactDigest,
      });
    });
    held.hook = { ...held.hook, startedAt: hookStartedAt };
    failpoint('hook-recorded');
    book.write('gate', `hook ${promotion.hook} started, ${limitSeconds} s at most`);

    let lines = 0;
    const outcome = await runStages(
      {
        async run(hook, stage, timeoutSeconds) {
          await heart.beforeStep();
          const end = await hook.run({
            ...{ stage, credentials, limitSeconds: limitOf(timeoutSeconds) },
            ...{ signal: heart.killing, asking: heart.asking },
            output: (stream, line) => {
              lines += 1;
              if (lines === 1) failpoint('hook-running');
              book.write(stream, line);
            },
          });
          held.aRunEnded = true;
          book.write('gate', end.summary);
          return end;
        },
        pause: saga.pause,
        async hookFinished(end) {
          const finishedAt = await hookFinished(end);
          held.hook = { ...held.hook, finishedAt, exit: end.exit };
          failpoint('hook-finished');
        },
        async tell(entries, verification) {
          await stageTold(entries, verification);
          if (verification !== undefined) held.hook = { ...held.hook, verification };
        },
        say: (line) => {
          book.write('gate', line);
        },
        failpoint,
      },
      hooks,
      policy,
      { asksFirst: isRepeat && kind === 'probing' },
    );
    const by = heart.stopped();
    return outcome.state === 'indeterminate' && by !== null
      ? { state: 'indeterminate', reason: `stopped: ${by.text}; ${outcome.reason}` }
      : outcome;
  }

  /** A database that is away for a moment must not turn a known end into an unknown one. */
  async function hookFinished(end: HookEnd): Promise<Date> {
    const at = clock();
    await untilStored(async () => {
      await transaction(async (tx) => {
        mine(
          await deliveries.hookFinished(tx, delivery, { at, exit: end.exit, result: end.result }),
        );
        await record(tx, at, 'hook.finished', {
          hook: promotion.hook,
          artifact: promotion.artifactDigest,
          exit: end.exit === null ? 'none' : String(end.exit),
        });
      });
    });
    return at;
  }

  async function stageTold(
    entries: readonly Readonly<Record<string, string>>[],
    verification?: Verification,
  ): Promise<void> {
    await untilStored(async () => {
      await transaction(async (tx) => {
        if (verification !== undefined) {
          mine(await deliveries.setVerification(tx, delivery, verification));
        }
        for (const refs of entries) await record(tx, clock(), 'delivery.stage', refs);
      });
    });
  }

  function failureBeforeHook(cause: unknown): DeliveryOutcome {
    if (isTakenOver(cause)) throw asError(cause);
    const reason = heart.signal.aborted ? heart.reason() : reasonOf(cause);
    note(cause);
    return isRepeat
      ? {
          state: 'indeterminate',
          reason: `${reason}; the delivery before it was interrupted while the hook ran: check what runs in production`,
        }
      : { state: 'failed', reason: `${reason}; production unchanged` };
  }

  function failureDuringHook(cause: unknown, hook: HookRecord): DeliveryOutcome {
    note(cause);
    return interruptedOutcome(hook);
  }
}
