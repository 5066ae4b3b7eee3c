/**
 * The delivery itself, from the claim to the proof that nothing of its credential is left. Read it from top to bottom: it
 * is the order of events, and what is committed before what.
 *
 *   claimed → intent published → hook and artifact checked → session INTENT → login minted → logged in → TOKEN →
 *   credential read → LEASED → hook recorded → waves → hook's end recorded → verification, return → REVOKING → revoked →
 *   CLEAN → finished
 *
 * Every network call stands behind a committed row that says it may have happened. Every row is written under the
 * delivery's fence; one that hits nothing means that the watchdog has taken over, and then the token is revoked and
 * nothing more is written. Every way out of a session goes through revocation.
 *
 * `failpoint(name)` marks the fourteen places of domain/delivery.ts where a test kills this process.
 */
import { AirlockError } from '@airlock/common/errors';
import { formatId } from '@airlock/common/ids';
import { sha256Hex } from '@airlock/common/encoding/hex';
import type { CredentialRead } from '@airlock/common/policy/target-credentials';
import type { Secret } from '@airlock/common/secret';
import { errorCode, type Log } from '@airlock/process/log';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  hookLimitSeconds,
  interruptedOutcome,
  type DeliveryFailpoint,
  type DeliveryOutcome,
  type HookRecord,
  type Verification,
} from '../domain/delivery.ts';
import { pauseAfter } from '../domain/patience.ts';
import { livesTooLong, plannedCredentials } from '../domain/planned-credentials.ts';
import { asError } from './as-error.ts';
import { DeliveryFault } from './delivery-fault.ts';
import { startHeartbeat } from './delivery-heart.ts';
import { createDeliveryLog } from './delivery-log.ts';
import { runStages, type PreparedHooks } from './delivery-stages.ts';
import { secretsIn, type NonprodKnowledge } from './known-to-nonprod.ts';
import type { AuthorityPort, HookEnd, HookPreparer, HookRequest } from './delivery-ports.ts';
import type {
  DeliveryStore,
  EntryFacts,
  Fenced,
  PromotionStore,
  Recorder,
  Transaction,
  Transactor,
  VaultSessionStore,
} from './ports.ts';
import type { StartedDelivery } from './start-delivery.ts';
import type { StopWatch } from './watch-stops.ts';
import { trialPlace, tryLogins, type TryLogin } from './try-logins.ts';
import { VaultError, type Credential, type DeliveryToken, type VaultLogin } from './vault-ports.ts';

export type DeliveryTimes = {
  /** Life of the login that the authority mints, in seconds. */
  loginSeconds: number;
  /** How long the ledger may take to publish the intent, in milliseconds. */
  intentWithinMs: number;
  /** How long the watchdog may take to prove the revocation, in milliseconds. */
  cleanWithinMs: number;
  /** How long a read at Vault is tried again while Vault says that it does nothing, in milliseconds. */
  readWithinMs: number;
  heartbeatEveryMs: number;
  /** Without a written heartbeat for this long the hook is stopped: somebody else is about to take over. */
  giveUpAfterMs: number;
};

export type RunDependencies = {
  transactor: Transactor;
  promotions: Pick<PromotionStore, 'setState' | 'setLive'>;
  deliveries: DeliveryStore;
  sessions: VaultSessionStore;
  recorder: Recorder;
  /** Whether an entry is proven under a signed checkpoint. */
  isPublished(leafHash: string): Promise<boolean>;
  authority: AuthorityPort;
  vault: VaultLogin;
  hooks: HookPreparer;
  /** Whether nonprod keeps the same value among the secrets of its builds. */
  knownToNonprod: (value: Secret) => Promise<NonprodKnowledge>;
  tryLogin: TryLogin;
  /** Asked before every step and with every sign of life: a stop ends what runs. */
  stops: StopWatch;
  times: DeliveryTimes;
  failpoint: (name: DeliveryFailpoint) => void;
  log: Log;
  clock: () => Date;
  randomBytes(count: number): Uint8Array;
  /** At least 0 and below 1. */
  random(): number;
};

/** The hook was recorded as started, and what is thrown says that not one instruction of it ran. */
const neverBegan: ReadonlySet<string> = new Set(['hook-sandbox', 'hook-egress', 'E_TOCTOU_DIGEST']);

const pollMs = 50;
/** The proof comes within a tenth of a second as a rule, and the delivery is not to wait longer for its own next look. */
const firstProofPollMs = 5;
const cleanWhenStoppingMs = 1_500;

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
  const { deliveries, promotions, sessions, recorder, failpoint, log, clock, times } = dependencies;
  const { delivery, promotion, policy } = started;
  const book = createDeliveryLog({
    deliveries,
    deliveryId: delivery.id,
    clock,
    onFault: (error) => {
      log.warn('delivery.log-held-back', { deliveryId: delivery.id, error });
    },
  });
  const heart = startHeartbeat(dependencies, started, signal);
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
    const outcome = await beforeTheSession();
    await finish(outcome);
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
    try {
      try {
        await intentPublished();
        failpoint('intent-published');
        book.write('gate', 'the intent to deliver is in a signed checkpoint');
        await heart.beforeStep();
        // Before any credential exists: a changed hook or artifact is refused without one.
        hooks = await prepareHooks(prepared);
        await vaultReady();
      } catch (cause) {
        return failureBeforeHook(cause);
      }
      return await underSession(hooks);
    } finally {
      for (const hook of prepared) await hook.dispose();
    }
  }

  /** @param prepared gets each as soon as it has to be disposed of. */
  async function prepareHooks(prepared: HookPreparation): Promise<PreparedHooks> {
    const facts = {
      deliveryId: delivery.id,
      fence: delivery.fence,
      promotionId: promotion.id,
      promotionDigest: promotion.promotionDigest,
      target: promotion.target,
      release: promotion.release,
      commit: promotion.commit,
    };
    const request: HookRequest = {
      hook: promotion.hook,
      params: policy.deliver.params,
      inWaves: policy.deliver.waves !== undefined,
      artifact: { name: promotion.subjectName, sha256: promotion.artifactDigest },
      reads: policy.credentials.vault.reads,
      egress: policy.deliver.egress,
      facts,
    };
    const prepare = async (one: HookRequest) => {
      const hook = await dependencies.hooks.prepare(one);
      prepared.push(hook);
      return hook;
    };
    const deliver = await prepare(request);
    book.write(
      'gate',
      `hook ${promotion.hook} and artifact sha256:${promotion.artifactDigest} are those approved`,
    );
    const { verify: look } = policy;
    const verify =
      look === undefined
        ? null
        : await prepare({ ...request, hook: look.hook, params: look.params, inWaves: false });
    const { returnTo } = started;
    if (returnTo === null) return { deliver, verify, back: null };
    const hook = await prepare({
      ...request,
      inWaves: false,
      artifact: { name: promotion.subjectName, sha256: returnTo.artifactDigest },
      facts: {
        ...facts,
        promotionId: returnTo.promotionId,
        // A hook that knows the earlier promotion by its digest would take the return for done.
        promotionDigest: sha256Hex(Buffer.from(`return ${promotion.promotionDigest}`)),
        release: returnTo.release,
        commit: returnTo.commit,
      },
    });
    book.write('gate', `if the verification fails, ${returnTo.release} is put back`);
    return { deliver, verify, back: { hook, to: returnTo } };
  }

  /** A Vault that is away holds the delivery up and is asked again; nothing exists yet that it would have to revoke. */
  async function vaultReady(): Promise<void> {
    let told: string | null = null;
    for (let failures = 1; ; failures += 1) {
      heart.check();
      const answer = await dependencies.vault.ready({ signal: heart.signal });
      heart.check();
      if (answer.ready) {
        if (told !== null) book.write('gate', 'Vault answers again');
        return;
      }
      if (clock() > promotion.expiresAt) {
        throw new DeliveryFault(
          'vault-away',
          `${answer.reason}, until the promotion expired; nothing was issued`,
        );
      }
      if (told !== answer.reason) {
        told = answer.reason;
        book.write(
          'gate',
          `blocked:vault: ${told}; nothing was issued, the delivery waits and asks again`,
        );
        log.warn('delivery.blocked', { deliveryId: delivery.id, by: 'vault', reason: told });
      }
      const { retryAfterSeconds } = answer;
      await pause(pauseAfter({ failures, random: dependencies.random(), retryAfterSeconds }));
    }
  }

  /**
   * Tries again while Vault says that it did nothing, such as 429. Any other failure may have had its effect and is final; what
   * a 503 had done after all is found by the sweep, as everything is.
   */
  async function whileVaultRefusesWork<T>(withinMs: number, work: () => Promise<T>): Promise<T> {
    const end = performance.now() + withinMs;
    for (let failures = 1; ; failures += 1) {
      heart.check();
      try {
        return await work();
      } catch (cause) {
        if (!(cause instanceof VaultError) || cause.code !== 'vault-unavailable') throw cause;
        const { retryAfterSeconds } = cause;
        const wait = pauseAfter({ failures, random: dependencies.random(), retryAfterSeconds });
        if (performance.now() + wait > end) throw cause;
        book.write('gate', `${cause.message}; asked again in ${(wait / 1000).toFixed(1)} s`);
        await pause(wait);
      }
    }
  }

  /** Ends early when the delivery has to stop; `heart.check` says why. */
  async function pause(milliseconds: number): Promise<void> {
    await sleep(milliseconds, undefined, { signal: heart.signal }).catch(() => undefined);
    heart.check();
  }

  async function intentPublished(): Promise<void> {
    const until = performance.now() + times.intentWithinMs;
    while (!(await dependencies.isPublished(delivery.intentDigest))) {
      heart.check();
      if (performance.now() > until) {
        throw new DeliveryFault(
          'E_LEDGER_UNAVAILABLE',
          `the ledger did not publish the intent within ${times.intentWithinMs / 1000} s; is gate-watchdog running?`,
        );
      }
      await sleep(pollMs);
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
      hook: { startedAt: null, finishedAt: null, exit: null, verification },
    };
    let outcome: DeliveryOutcome;
    try {
      outcome = await withCredential(session, hooks, held);
    } catch (cause) {
      // Also when it was taken over: what this process holds is revoked by this process.
      if (isTakenOver(cause)) {
        await revokeToken(held.token);
        throw cause;
      }
      outcome =
        held.hook.startedAt === null ||
        (!held.aRunEnded && neverBegan.has(errorCode(asError(cause))))
          ? failureBeforeHook(cause)
          : failureDuringHook(cause, held.hook);
    }
    await revoke(session, held);
    return outcome;
  }

  async function withCredential(
    session: Fenced,
    hooks: PreparedHooks,
    held: Held,
  ): Promise<DeliveryOutcome> {
    const { vault } = policy.credentials;
    await heart.beforeStep();
    const login = await dependencies.authority.mint({
      deliveryId: delivery.id,
      sessionId: session.id,
      signal: heart.signal,
    });
    failpoint('login-minted');
    if (login.mount !== vault.jwtMount || login.role !== vault.jwtRole) {
      throw new DeliveryFault(
        'authority-differs',
        'the authority named another Vault mount or role than the approved target file; compare their target files',
      );
    }
    book.write('gate', 'the authority verified every signature and minted one login');
    await heart.beforeStep();

    const token = await whileVaultRefusesWork(times.loginSeconds * 1000, () =>
      dependencies.vault.login({
        mount: login.mount,
        role: login.role,
        jwt: login.jwt,
        signal: heart.signal,
      }),
    );
    const tokenAt = performance.now();
    held.token = token;
    failpoint('logged-in');
    // The accessor is durable before the token is used, so that a crash leaves nothing that cannot be found.
    mine(await sessions.token(session, token.accessor));
    failpoint('token-persisted');

    heart.check();
    // What is revocable ends with the token at the latest, so the approved file has to bound that first of all.
    if (token.ttlSeconds > vault.ttl) {
      throw new DeliveryFault(
        'credential-too-long',
        `Vault gave a token of ${token.ttlSeconds} s, approved were ${vault.ttl} s at most; lower token_explicit_max_ttl of role ${vault.jwtRole} at ${vault.jwtMount}`,
      );
    }
    const { credentials } = held;
    for (const read of vault.reads) {
      await heart.beforeStep();
      await readOne(session, held, token, read);
    }

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
    await transaction(async (tx) => {
      mine(await deliveries.setStep(tx, delivery, 'hook'));
      mine(await deliveries.hookStarted(tx, delivery, hookStartedAt));
      await record(tx, hookStartedAt, 'hook.started', {
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
        pause,
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
      },
      hooks,
      policy,
    );
    const by = heart.stoppedBy();
    return outcome.state === 'indeterminate' && by !== null
      ? { state: 'indeterminate', reason: `stopped: ${by}; ${outcome.reason}` }
      : outcome;
  }

  /** Reads one credential and records it before the next one, so that what a crash leaves is known by its row. */
  async function readOne(
    session: Fenced,
    held: Held,
    token: DeliveryToken,
    read: CredentialRead,
  ): Promise<void> {
    const { vault } = policy.credentials;
    const credential = await whileVaultRefusesWork(times.readWithinMs, () =>
      token.read(read, { signal: heart.signal }),
    );
    held.credentials.push(credential);
    failpoint('credential-read');
    const issuedAt = clock();
    const seconds = livesFor(credential, token);
    const diesAt = seconds === null ? null : new Date(issuedAt.getTime() + seconds * 1000);
    await transaction(async (tx) => {
      mine(await deliveries.setStep(tx, delivery, 'credential'));
      mine(
        await sessions.leased(tx, session, {
          name: read.as,
          leaseId: credential.leaseId,
          holder: credential.holder,
          issuedAt,
          diesAt,
        }),
      );
      await record(tx, issuedAt, 'credential.issued', {
        session: session.id,
        target: promotion.target,
        as: read.as,
        kind: read.kind,
        ending: credential.ending,
        holder: credential.holder,
        ...(credential.leaseId === null
          ? {}
          : { lease: sha256Hex(Buffer.from(credential.leaseId)) }),
        ...(diesAt === null ? {} : { diesAt: diesAt.toISOString() }),
      });
    });
    failpoint('lease-persisted');
    book.write(
      'gate',
      `credential ${read.as} (${credential.holder}) issued, ${lifeOf(credential.ending, diesAt)}`,
    );
    // Only now: what exists is on record, also when nobody may use it.
    if (credential.fault !== undefined) {
      throw new DeliveryFault('credential-unusable', credential.fault);
    }
    const tooLong = livesTooLong(read, { seconds: credential.seconds, ttl: vault.ttl });
    if (tooLong !== null) throw new DeliveryFault('credential-too-long', tooLong);
    await refuseKnown(credential);
  }

  /** What builds of nonprod can read opens production for whoever can change a build. */
  async function refuseKnown(credential: Credential): Promise<void> {
    for (const value of secretsIn(credential.secret)) {
      const knowledge = await dependencies.knownToNonprod(value);
      if (knowledge.known === true) {
        throw new DeliveryFault(
          'E_CREDENTIAL_KNOWN_TO_NONPROD',
          `credential ${credential.as} is also nonprod's secret ${knowledge.secret}, which builds there can read; replace it at Vault and erase that secret`,
        );
      }
      if (knowledge.known === 'unchecked') {
        book.write(
          'gate',
          `credential ${credential.as} was not compared with nonprod's secrets: ${knowledge.why}; look at gate-intake and nonprod-outbox`,
        );
        return;
      }
    }
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

  /**
   * The token revokes itself, which takes its leases with it; the proof is the watchdog's, who alone may ask Vault what is
   * left. Without proof in time the session stays pending and holds the target.
   */
  async function revoke(session: Fenced, { token, credentials }: Held): Promise<void> {
    try {
      await untilStored(async () => {
        await transaction(async (tx) => {
          mine(await deliveries.setStep(tx, delivery, 'revoke'));
        });
        // False when the watchdog was faster; the proof is awaited all the same.
        await sessions.revoking(session);
      });
      failpoint('revoking');
    } finally {
      await revokeToken(token);
    }
    failpoint('lease-revoked');

    const waiting = { isOver: false };
    const tried = tryLogins(dependencies, {
      ...{ session, credentials, egresses: policy.deliver.egress },
      isOver: () => waiting.isOver,
    }).catch((cause: unknown) => {
      // Then the watchdog goes by Vault's word.
      log.warn('credential.trial-not-stored', { deliveryId: delivery.id, error: asError(cause) });
    });
    const isClean = await provenClean(session);
    waiting.isOver = true;
    await tried;
    if (!isClean) {
      await sessions.revokeFailed(session.id, 'not proven revoked when the delivery ended');
      log.error('credential.revocation-pending', {
        deliveryId: delivery.id,
        sessionId: session.id,
        message:
          'the target takes no delivery until the watchdog has proof; look at gate-watchdog and Vault',
      });
      book.write('gate', 'the credential is not proven revoked yet; the watchdog goes on');
      return;
    }
    failpoint('session-clean');
    book.write(
      'gate',
      'the credential is revoked: Vault lists no token and no lease of this target',
    );
    for (const { name, trial } of (await sessions.find(session.id))?.credentials ?? []) {
      if (trial === 'refused') book.write('gate', `${name}: the target itself refuses it`);
      if (trial === 'unknown') {
        book.write('gate', `${name}: the target did not say whether it refuses it`);
      }
    }
  }

  async function provenClean(session: Fenced): Promise<boolean> {
    let until = performance.now() + times.cleanWithinMs;
    let patient = true;
    for (let look = 0; ; look += 1) {
      if ((await sessions.find(session.id))?.state === 'CLEAN') return true;
      if (performance.now() > until) return false;
      if (signal.aborted && patient) {
        // A process that is asked to end has seconds; what is left is the watchdog's.
        patient = false;
        until = Math.min(until, performance.now() + cleanWhenStoppingMs);
      }
      await sleep(Math.min(firstProofPollMs * (1 + Math.floor(look / 10)), pollMs));
    }
  }

  async function revokeToken(token: DeliveryToken | null): Promise<void> {
    if (token === null) return;
    try {
      await token.revokeSelf();
    } catch (cause) {
      // The watchdog may have revoked it already; if it did not, it will.
      log.warn('credential.self-revocation-failed', {
        deliveryId: delivery.id,
        error: asError(cause),
      });
    }
  }

  async function finish(outcome: DeliveryOutcome): Promise<void> {
    const at = clock();
    await untilStored(async () => {
      await transaction(async (tx) => {
        mine(await deliveries.setStep(tx, delivery, 'finished'));
        mine(await deliveries.finish(tx, delivery, { ...outcome, at }));
        await promotions.setState(tx, {
          id: promotion.id,
          from: 'delivering',
          to: outcome.state === 'succeeded' ? 'live' : outcome.state,
          reason: outcome.reason,
          at,
        });
        if (outcome.state === 'succeeded') {
          await promotions.setLive(tx, {
            target: promotion.target,
            promotionId: promotion.id,
            deliveryId: delivery.id,
            release: promotion.release,
            artifactDigest: promotion.artifactDigest,
            commit: promotion.commit,
            mainPosition: promotion.mainPosition,
            since: at,
          });
        }
        await record(tx, at, 'delivery.finished', {
          promotion: promotion.id,
          target: promotion.target,
          state: outcome.state,
        });
      });
    });
    book.write(
      'gate',
      `delivery ${outcome.state}${outcome.reason === null ? '' : `: ${outcome.reason}`}`,
    );
    log.info('delivery.finished', {
      deliveryId: delivery.id,
      promotionId: promotion.id,
      state: outcome.state,
      reason: outcome.reason,
    });
  }

  function failureBeforeHook(cause: unknown): DeliveryOutcome {
    if (isTakenOver(cause)) throw asError(cause);
    const reason = heart.signal.aborted ? heart.reason() : reasonOf(cause);
    note(cause);
    return { state: 'failed', reason: `${reason}; production unchanged` };
  }

  function failureDuringHook(cause: unknown, hook: HookRecord): DeliveryOutcome {
    note(cause);
    return interruptedOutcome(hook);
  }

  function note(cause: unknown): void {
    book.write('gate', reasonOf(cause));
    log.warn('delivery.failing', { deliveryId: delivery.id, error: asError(cause) });
  }

  function transaction(work: (tx: Transaction) => Promise<void>): Promise<void> {
    return dependencies.transactor.transaction(work);
  }

  async function record(
    tx: Transaction,
    at: Date,
    type: EntryFacts['type'],
    refs: Readonly<Record<string, string>>,
  ): Promise<void> {
    await recorder.record(tx, {
      type,
      at,
      actor: 'deliverer',
      subjectDigest: promotion.promotionDigest,
      refs: { delivery: delivery.id, ...refs },
    });
  }

  /** Tries again for a while when the database does not answer; what it refuses is final. */
  async function untilStored(work: () => Promise<void>): Promise<void> {
    const until = performance.now() + times.giveUpAfterMs;
    for (;;) {
      try {
        await work();
        return;
      } catch (cause) {
        if (cause instanceof AirlockError || performance.now() > until) throw cause;
        log.warn('delivery.store-retried', { deliveryId: delivery.id, error: asError(cause) });
        await sleep(pollMs * 5);
      }
    }
  }
}

/** What a session's end has to undo. */
type Held = {
  token: DeliveryToken | null;
  readonly credentials: Credential[];
  hook: HookRecord;
  /** A hook has run to its end, so that an error of a later one does not say that nothing ran. */
  aRunEnded: boolean;
};

type HookPreparation = Awaited<ReturnType<HookPreparer['prepare']>>[];

/** A fenced change must hit its one row. */
function mine(hit: boolean): void {
  if (!hit)
    throw new DeliveryFault('delivery-taken-over', 'this delivery belongs to the watchdog now');
}

function isTakenOver(cause: unknown): boolean {
  return cause instanceof DeliveryFault && cause.code === 'delivery-taken-over';
}

/** For the delivery's log and page: our own errors were written to be shown, others stay in the process's log. */
function reasonOf(cause: unknown): string {
  return cause instanceof AirlockError
    ? `${errorCode(cause)}: ${cause.message}`
    : "unexpected-fault: the deliverer's log has it";
}

/** What is revocable ends with its token at the latest; anything else ends when it says, whatever becomes of a lease. */
function livesFor({ seconds, ending }: Credential, token: DeliveryToken): number | null {
  return seconds === null || ending !== 'revocable' ? seconds : Math.min(seconds, token.ttlSeconds);
}

function lifeOf(ending: Credential['ending'], diesAt: Date | null): string {
  if (diesAt === null) return 'which does not end by itself';
  return ending === 'revocable'
    ? `which dies at ${diesAt.toISOString()} at the latest`
    : `which ends by itself at ${diesAt.toISOString()}`;
}
